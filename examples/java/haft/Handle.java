package haft;

import java.util.Objects;

/**
 * The handle of a Java object that C keeps: a word instead of a global reference. If any thread uses it too late, it gets an
 * exception, or in C a status.
 */
public final class Handle<T> implements AutoCloseable {
  static {
    System.loadLibrary("haftjni");
  }

  private final long word;

  public Handle(T object) {
    word = create(Objects.requireNonNull(object));
  }

  /** Returns the word for C. */
  public long word() {
    return word;
  }

  /** Returns the object. Throws StaleHandleException if it has been closed. */
  @SuppressWarnings("unchecked") // it was made of a T
  public T get() {
    return (T) value(word);
  }

  /** Ends the handle. The second time it does nothing, as AutoCloseable requires. */
  @Override
  public void close() {
    delete(word);
  }

  /** Returns whether `word` was a live handle at the moment of the check. */
  public static boolean isLive(long word) {
    return check(word) == 0;
  }

  static native long create(Object object);

  static native Object value(long word);

  static native boolean delete(long word);

  static native int check(long word);
}
