package haft;

import java.util.Objects;

/**
 * The handle of a Java object that C keeps: a word in the place of a JNI global reference. Until it
 * is deleted, it keeps the object alive. If any thread uses it too late, it gets an exception, or
 * in C a status.
 *
 * <pre>{@code
 * try (Handle<Listener> handle = new Handle<>(listener)) {
 *   library.subscribe(handle.word()); // C keeps the word as its user data
 * } // from now on it is refused, here and in C
 * }</pre>
 *
 * <p>A callback finds the object of the word that C hands back by {@link #objectOf(long, Class)}. C
 * itself may check, pin and delete the handle by the functions of {@code haft.h}. If it deletes it,
 * Java lets go of the object when the slot of the handle is used again, or by and by while new
 * handles are made after a garbage collection, or at {@link Haft#sweep}.
 *
 * @param <T> the class of the object
 */
public final class Handle<T> implements AutoCloseable {
  private final long word;

  /** Null after the end of the handle. It never changes from one object to another. */
  private T object;

  /**
   * Makes a handle of an object, and keeps the object alive until it is deleted.
   *
   * @param object the object
   * @throws TableFullException if the table has no room
   * @throws NoMemoryException if there is no memory
   */
  public Handle(T object) {
    // Written before the call that makes the handle live. A thread that finds it live (acquire)
    // therefore finds the object.
    this.object = Objects.requireNonNull(object);
    word = Native.create();
    if (word <= 0) throw HaftException.of(Status.of((int) -word), 0);
    try {
      Registry.put(word, this);
    } catch (OutOfMemoryError | StackOverflowError e) {
      Native.delete(word);
      throw e;
    }
  }

  /**
   * Returns the word for C. It stays the same, and is not used again for another handle.
   *
   * @return a positive odd number
   */
  public long word() {
    return word;
  }

  /**
   * Returns the object.
   *
   * @return the object that the handle was made of
   * @throws StaleHandleException if the handle has been deleted
   */
  public T get() {
    if (Native.isLive(word)) {
      final T found = object;
      if (found != null) return found;
    }
    return getByCall();
  }

  private T getByCall() {
    final int status = Native.value(word);
    final T found = object;
    if (status == 0 && found != null) return found;
    throw HaftException.of(status == 0 ? Status.STALE : Status.of(status), word);
  }

  /**
   * Returns whether the handle was live at the moment of the call.
   *
   * @return false if it has been deleted
   */
  public boolean isLive() {
    return object != null && (Native.isLive(word) || Native.check(word) == 0);
  }

  /**
   * Deletes the handle and returns the object. If several threads take it, one gets the object.
   *
   * @return the object
   * @throws StaleHandleException if the handle has been deleted
   */
  public T take() {
    final T found = object;
    final int status = found == null ? Status.STALE.code() : Native.delete(word);
    HaftException.check(status, word);
    forget();
    return found;
  }

  /**
   * Deletes the handle.
   *
   * @throws StaleHandleException if it has been deleted before
   */
  public void delete() {
    take();
  }

  /** Deletes the handle. The second time it does nothing, as AutoCloseable requires. */
  @Override
  public void close() {
    if (object == null) return;
    final int status = Native.delete(word);
    if (status != 0 && status != Status.STALE.code())
      throw HaftException.of(Status.of(status), word);
    forget();
  }

  /** Lets go of the object. The handle must have been deleted. */
  void forget() {
    object = null;
    Registry.forget(word, this);
  }

  /** Lets go of the object if C has deleted the handle. */
  void forgetIfStale() {
    if (object != null && !Native.isLive(word) && Native.check(word) == Status.STALE.code())
      forget();
  }

  /**
   * Returns the handle of a word that C hands back.
   *
   * @param word the word of a handle of this class
   * @return the handle that has the word
   * @throws StaleHandleException if it has been deleted
   * @throws WrongTypeException if the word is another library's
   * @throws HaftException if the word is refused for another reason
   */
  public static Handle<?> of(long word) {
    final Handle<?> found = Registry.find(word);
    if (found != null && found.word == word && Native.isLive(word)) return found;
    final int status = Native.value(word);
    if (status == 0 && found != null && found.word == word) return found;
    // It is live and not here if another thread is in its constructor, or if it belongs to another
    // class loader.
    throw HaftException.of(status == 0 ? Status.WRONG_TYPE : Status.of(status), word);
  }

  /**
   * Returns the object of a word that C hands back.
   *
   * @param word the word of a handle of this class
   * @return the object
   * @throws HaftException if the word is refused, as by {@link #of(long)}
   */
  public static Object objectOf(long word) {
    final Handle<?> found = Registry.find(word);
    return found != null && found.word == word ? found.get() : of(word).get();
  }

  /**
   * Returns the object of a word that C hands back, if it is of a class.
   *
   * @param <T> the class
   * @param word the word of a handle of this class
   * @param type the class that the object must be an instance of
   * @return the object
   * @throws WrongTypeException if the object is of another class, or the word another library's
   * @throws HaftException if the word is refused for another reason, as by {@link #of(long)}
   */
  public static <T> T objectOf(long word, Class<T> type) {
    final Object found = objectOf(word);
    if (!type.isInstance(found)) {
      throw new WrongTypeException(
          Status.WRONG_TYPE,
          word,
          Native.describe(word) + ", of " + found.getClass() + " and not of " + type);
    }
    return type.cast(found);
  }

  /**
   * Returns the word in hexadecimal digits, as messages of the table show it.
   *
   * @return a text that names the word, for logs
   */
  @Override
  public String toString() {
    return "Handle[0x" + Long.toHexString(word) + "]";
  }
}
