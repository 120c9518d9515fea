package haft;

import java.nio.charset.StandardCharsets;

/** The table of the process. */
public final class Haft {
  /**
   * The version of Haft that this jar is for, as a number of haft.h: 10,000 times major, plus 100
   * times minor, plus patch.
   */
  static final int VERSION = 100;

  private static final StackWalker WALKER = StackWalker.getInstance();

  static final StackTraceElement NO_CALLER = new StackTraceElement("unknown", "unknown", null, 0);

  private Haft() {}

  /**
   * Returns the version of the {@code libhaft.so.0} that is loaded.
   *
   * @return such as "0.1.0"
   */
  public static String version() {
    return versionName(Native.version());
  }

  static String versionName(int number) {
    return number / 10000 + "." + number / 100 % 100 + "." + number % 100;
  }

  /**
   * Returns whether a handle of any object is live, or why it is refused.
   *
   * @param word any number
   * @return {@link Status#OK}, or the reason
   */
  public static Status check(long word) {
    return Native.isLive(word) ? Status.OK : Status.of(Native.check(word));
  }

  /**
   * Returns all that is known about a word.
   *
   * @param word any number
   * @return the text of {@code haft_describe}
   */
  public static String describe(long word) {
    return Native.describe(word);
  }

  /**
   * Lets go of the Java objects whose handles C has deleted. This also happens by and by; see
   * {@link Handle}. It takes a time in proportion to the greatest number of handles that were live
   * at one time.
   */
  public static void sweep() {
    Registry.sweep();
  }

  /**
   * Does now what the first handles would do later: takes memory for {@code expected} live handles,
   * and prepares the thread.
   *
   * @param expected how many handles will be live
   * @throws TableFullException if the table has not so many
   * @throws NoMemoryException if there is no memory
   * @throws IllegalArgumentException if the number is negative
   */
  public static void prepare(long expected) {
    if (expected < 0) throw new IllegalArgumentException(expected + " handles");
    HaftException.check(Native.prepare(expected), 0);
  }

  /**
   * Gives the system back the memory of pages of the table that contain only free slots.
   *
   * @return how many bytes
   */
  public static long trim() {
    return Native.trim();
  }

  /**
   * Returns the figures of the table.
   *
   * @return the figures of now
   */
  public static Stats stats() {
    final long[] figures = new long[9];
    HaftException.check(Native.stats(figures), 0);
    return new Stats(figures);
  }

  /** Returns where code outside this package has called it. */
  static StackTraceElement caller() {
    return WALKER.walk(
        frames ->
            frames
                .filter(frame -> !frame.getClassName().startsWith("haft."))
                .findFirst()
                .map(StackWalker.StackFrame::toStackTraceElement)
                .orElse(NO_CALLER));
  }

  /** Returns a string of C. */
  static byte[] bytes(String text) {
    return ((text == null ? "unknown" : text) + "\0").getBytes(StandardCharsets.UTF_8);
  }
}
