package haft;

import java.util.Objects;

/**
 * A Java object for C to keep: a word instead of a global reference. Used too late, by whatever thread, it is an exception,
 * or in C a status.
 */
public final class Handle<T> implements AutoCloseable {
  static {
    System.loadLibrary("haftjni");
  }

  private final long word;

  public Handle(T object) {
    word = create(Objects.requireNonNull(object));
  }

  /** The word that C gets. */
  public long word() {
    return word;
  }

  /** The object. Throws StaleHandleException once it is closed. */
  @SuppressWarnings("unchecked") // it was made of a T
  public T get() {
    return (T) value(word);
  }

  /** Ends the handle; the second time it does nothing, as AutoCloseable wants it. */
  @Override
  public void close() {
    delete(word);
  }

  /** Whether `word` is, or rather was when it was looked at, a live handle. */
  public static boolean isLive(long word) {
    return check(word) == 0;
  }

  static native long create(Object object);

  static native Object value(long word);

  static native boolean delete(long word);

  static native int check(long word);
}
