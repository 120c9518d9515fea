package widget;

import haft.HaftException;
import haft.Handle;
import haft.NativeObject;
import java.lang.ref.Reference;
import java.util.function.LongConsumer;

/**
 * A widget of widget.h, a C++ library, by JNI: jni.c. Any thread may use it while another closes
 * it.
 */
public final class Widget extends NativeObject {
  static {
    System.loadLibrary("widgetjni");
  }

  /**
   * Makes a widget.
   *
   * @param sum what it begins with
   */
  public Widget(long sum) {
    super(make(sum), TYPE);
  }

  private static final long TYPE = type();

  private static long make(long sum) {
    final long word = create(sum);
    if (word <= 0) HaftException.check((int) -word, 0);
    return word;
  }

  /**
   * Returns the new sum. Throws the exception of a listener that throws.
   *
   * @param amount what is added
   * @return the sum
   */
  public long add(long amount) {
    try {
      final long[] sum = new long[1];
      HaftException.check(add(word(), amount, sum), word());
      return sum[0];
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /**
   * Calls the listener with each new sum until the caller closes its handle.
   *
   * @param listener the handle of the listener, which C keeps as a word
   */
  public void subscribe(Handle<? extends LongConsumer> listener) {
    try {
      Handle.objectOf(listener.word(), LongConsumer.class); // throws if it is none
      HaftException.check(subscribe(word(), listener.word()), word());
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /**
   * Adds on a thread of the library; see join.
   *
   * @param amount what is added
   */
  public void addLater(long amount) {
    try {
      HaftException.check(addLater(word(), amount), word());
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /**
   * Called by C with the word that it keeps. Returns the status by which the library knows that the
   * listener has gone.
   */
  @SuppressWarnings("unused")
  private static int heard(long listener, long sum) {
    final LongConsumer found;
    try {
      found = Handle.objectOf(listener, LongConsumer.class);
    } catch (HaftException e) {
      return e.status().code();
    }
    found.accept(sum);
    return 0;
  }

  /** Waits for what addLater has started. */
  public static native void join();

  /**
   * Returns how many widgets exist.
   *
   * @return objects of C++
   */
  public static native long count();

  private static native long type();

  private static native long create(long sum);

  private static native int add(long handle, long amount, long[] sum);

  private static native int subscribe(long handle, long listener);

  private static native int addLater(long handle, long amount);
}
