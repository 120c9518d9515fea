package haft;

import java.util.function.LongConsumer;

/** A widget of widget.h. Any thread may use it while another closes it. */
public final class Widget implements AutoCloseable {
  static {
    System.loadLibrary("haftjni");
  }

  private final long handle;

  public Widget(long sum) {
    handle = create(sum);
  }

  /** Returns the new sum. Throws the exception of a listener that throws. */
  public long add(long amount) {
    return add(handle, amount);
  }

  /** Calls the listener with each new sum until the caller closes its handle. */
  public void subscribe(Handle<LongConsumer> listener) {
    subscribe(handle, listener.word());
  }

  /** Adds on a thread of the library; see join. */
  public void addLater(long amount) {
    addLater(handle, amount);
  }

  /** Ends the handle. The second time it does nothing, as AutoCloseable requires. */
  @Override
  public void close() {
    delete(handle);
  }

  public static native void join();

  public static native long count();

  private static native long create(long sum);

  private static native long add(long handle, long amount);

  private static native void subscribe(long handle, long listener);

  private static native void addLater(long handle, long amount);

  private static native boolean delete(long handle);
}
