package haft;

import java.lang.ref.Cleaner;
import java.time.Duration;

/**
 * A Java object that stands for an object of C or C++, of which it has the handle. Any thread may
 * use it while another closes it: the use gets a {@link StaleHandleException}, or the C++ object
 * exists until the use has ended.
 *
 * <p>A subclass passes {@link #word} to the functions of its library. It keeps itself reachable
 * meanwhile, because otherwise the safety net below may delete the object in the middle of its last
 * call:
 *
 * <pre>{@code
 * public long add(long amount) {
 *   try {
 *     return add(word(), amount); // pins in C
 *   } finally {
 *     Reference.reachabilityFence(this);
 *   }
 * }
 * }</pre>
 *
 * <p>The owner closes it. If it becomes unreachable without that, a {@link Cleaner} deletes the C++
 * object, at some time after a garbage collection, on another thread.
 */
public abstract class NativeObject implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();

  private final Deletion deletion;
  private final Cleaner.Cleanable cleanable;

  /** Deletes the handle, once. It must not refer to the object. */
  private static final class Deletion implements Runnable {
    final long word;
    final long type;
    volatile boolean done;

    Deletion(long word, long type) {
      this.word = word;
      this.type = type;
    }

    @Override
    public void run() {
      if (!done) Native.deleteAny(word, type); // if it is refused, the object is gone
    }
  }

  /**
   * Takes over the handle of an object.
   *
   * @param word the word of a live handle, which from now on belongs to this object
   * @param type the address of the {@code haft_type} that the object must be of; 0 for any type
   * @throws HaftException if the word is refused; then the handle does not belong to this object
   */
  protected NativeObject(long word, long type) {
    if (!Native.isLive(word, type)) HaftException.check(Native.valueAny(word, type), word);
    deletion = new Deletion(word, type);
    cleanable = CLEANER.register(this, deletion);
  }

  /**
   * Returns the word for C.
   *
   * @return the handle of the object
   */
  public final long word() {
    return deletion.word;
  }

  /**
   * Returns whether the handle was live at the moment of the call.
   *
   * @return false if it has been deleted
   */
  public final boolean isLive() {
    try {
      return Haft.check(word()) == Status.OK;
    } finally {
      java.lang.ref.Reference.reachabilityFence(this);
    }
  }

  /**
   * Pins the object, for uses of its address.
   *
   * @return a pin that the caller closes
   * @throws StaleHandleException if the handle has been deleted
   * @throws NoMemoryException if there is no room for another pin
   */
  public final Pin pin() {
    try {
      return Pin.of(deletion.word, deletion.type);
    } finally {
      java.lang.ref.Reference.reachabilityFence(this);
    }
  }

  /**
   * Deletes the handle. The object is destroyed now or, if it is in use, by its last user.
   *
   * @throws StaleHandleException if it has been deleted before
   */
  public final void delete() {
    final int status = Native.deleteAny(deletion.word, deletion.type);
    finish();
    HaftException.check(status, deletion.word);
  }

  /**
   * Deletes the handle and waits until the object is destroyed.
   *
   * @param most how long to wait at most
   * @return whether it is destroyed; if not, its last user will destroy it
   * @throws StaleHandleException if it has been deleted before
   */
  public final boolean deleteAndWait(Duration most) {
    final long nanoseconds = Math.max(0, most.toNanos());
    final Status status =
        Status.of(Native.deleteAndWait(deletion.word, deletion.type, nanoseconds));
    finish();
    if (status == Status.TIMED_OUT || status == Status.DEFERRED) return false;
    HaftException.check(status.code(), deletion.word);
    return true;
  }

  /** Deletes the handle. The second time it does nothing, as AutoCloseable requires. */
  @Override
  public void close() {
    cleanable.clean();
  }

  private void finish() {
    deletion.done = true;
    cleanable.clean();
  }
}
