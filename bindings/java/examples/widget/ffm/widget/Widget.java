package widget;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import haft.HaftException;
import haft.Handle;
import haft.NativeObject;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.ref.Reference;
import java.util.function.LongConsumer;

/**
 * A widget of widget.h, a C++ library, without a line of C. Any thread may use it while another
 * closes it.
 */
@SuppressWarnings("restricted")
public final class Widget extends NativeObject {
  private static final Linker LINKER = Linker.nativeLinker();
  private static final SymbolLookup LIBRARY;

  static {
    System.loadLibrary("widget");
    LIBRARY = SymbolLookup.loaderLookup();
  }

  // Handles are JAVA_LONG, also as the user data that is void * in C.
  private static final MethodHandle NEW =
      function("widget_new", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS));
  private static final MethodHandle ADD =
      function("widget_add", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, ADDRESS));
  private static final MethodHandle SUBSCRIBE =
      function("widget_subscribe", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS, JAVA_LONG));
  private static final MethodHandle ADD_LATER =
      function("widget_add_later", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle JOIN = function("widget_join", FunctionDescriptor.ofVoid());
  private static final MethodHandle TYPE_OF =
      function("widget_type", FunctionDescriptor.of(JAVA_LONG));
  private static final MethodHandle COUNT =
      function("widget_count", FunctionDescriptor.of(JAVA_LONG));

  private static final long TYPE = number(TYPE_OF);
  private static final MemorySegment CALL_LISTENER = upcall();

  /**
   * Where C writes a result of this thread. Nobody else writes there before the thread reads it.
   */
  private static final ThreadLocal<MemorySegment> RESULT =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(JAVA_LONG));

  /** The exception of a listener, for the call of Java below it on this thread. */
  private static final ThreadLocal<Throwable> THROWN = new ThreadLocal<>();

  /** How many calls of Java are on this thread's stack. */
  private static final ThreadLocal<int[]> DEPTH = ThreadLocal.withInitial(() -> new int[1]);

  /**
   * Makes a widget.
   *
   * @param sum what it begins with
   */
  public Widget(long sum) {
    super(make(sum), TYPE);
  }

  private static long make(long sum) {
    final MemorySegment word = RESULT.get();
    final int status;
    try {
      status = (int) NEW.invokeExact(sum, word);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
    HaftException.check(status, 0);
    return word.get(JAVA_LONG, 0);
  }

  /**
   * Returns the new sum. Throws the exception of a listener that throws.
   *
   * @param amount what is added
   * @return the sum
   */
  public long add(long amount) {
    final MemorySegment sum = RESULT.get();
    final int[] depth = DEPTH.get();
    ++depth[0];
    final int status;
    try {
      status = (int) ADD.invokeExact(word(), amount, sum);
    } catch (Throwable e) {
      throw new AssertionError(e);
    } finally {
      --depth[0];
      Reference.reachabilityFence(this);
    }
    final Throwable thrown = THROWN.get();
    if (thrown != null) {
      THROWN.remove();
      if (thrown instanceof RuntimeException exception) throw exception;
      throw thrown instanceof Error error ? error : new AssertionError(thrown);
    }
    HaftException.check(status, word());
    return sum.get(JAVA_LONG, 0);
  }

  /**
   * Calls the listener with each new sum until the caller closes its handle.
   *
   * @param listener the handle of the listener, which C keeps as a word
   */
  public void subscribe(Handle<? extends LongConsumer> listener) {
    Handle.objectOf(listener.word(), LongConsumer.class); // throws if it is none
    final int status;
    try {
      status = (int) SUBSCRIBE.invokeExact(word(), CALL_LISTENER, listener.word());
    } catch (Throwable e) {
      throw new AssertionError(e);
    } finally {
      Reference.reachabilityFence(this);
    }
    HaftException.check(status, word());
  }

  /**
   * Adds on a thread of the library; see join.
   *
   * @param amount what is added
   */
  public void addLater(long amount) {
    final int status;
    try {
      status = (int) ADD_LATER.invokeExact(word(), amount);
    } catch (Throwable e) {
      throw new AssertionError(e);
    } finally {
      Reference.reachabilityFence(this);
    }
    HaftException.check(status, word());
  }

  /**
   * Called by C with the word that it keeps. An exception must not leave it, because C is below it.
   */
  @SuppressWarnings("unused")
  private static int heard(long listener, long sum) {
    try {
      Handle.objectOf(listener, LongConsumer.class).accept(sum);
      return 0;
    } catch (HaftException e) {
      if (e.word() == listener) return e.status().code();
      return keep(e);
    } catch (Throwable e) {
      return keep(e);
    }
  }

  /**
   * Keeps an exception for the call of Java below. A thread of the library has none and can only
   * report it.
   */
  private static int keep(Throwable thrown) {
    if (DEPTH.get()[0] > 0) {
      THROWN.set(thrown);
    } else {
      thrown.printStackTrace();
    }
    return haft.Status.INVALID.code();
  }

  /** Waits for what addLater has started. */
  public static void join() {
    try {
      JOIN.invokeExact();
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /**
   * Returns how many widgets exist.
   *
   * @return objects of C++
   */
  public static long count() {
    return number(COUNT);
  }

  private static long number(MethodHandle function) {
    try {
      return (long) function.invokeExact();
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private static MethodHandle function(String name, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(LIBRARY.find(name).orElseThrow(), descriptor);
  }

  private static MemorySegment upcall() {
    try {
      final MethodHandle heard =
          MethodHandles.lookup()
              .findStatic(
                  Widget.class, "heard", MethodType.methodType(int.class, long.class, long.class));
      return LINKER.upcallStub(
          heard, FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG), Arena.global());
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }
}
