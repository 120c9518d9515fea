import haft.HaftException;
import haft.Handle;
import haft.StaleHandleException;
import haft.Widget;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;

/** Each method whose name begins with `test` is a test. Prints "N passed". */
public final class HaftTest {
  static final int STALE = 4;
  static final int WRONG_TYPE = 5;

  static void check(boolean holds, Object what) {
    if (!holds) throw new AssertionError(what);
  }

  static void equal(Object got, Object wanted) {
    check(got.equals(wanted), "got " + got + ", wanted " + wanted);
  }

  static void refused(int status, Runnable use) {
    try {
      use.run();
    } catch (HaftException e) {
      equal(e.status(), status);
      equal(e instanceof StaleHandleException, status == STALE);
      return;
    }
    throw new AssertionError("not refused");
  }

  void testGetUntilClose() {
    Handle<String> handle = new Handle<>("haft");
    equal(handle.get(), "haft");
    equal(handle.word() & 1, 1L);
    check(handle.word() > 0, "a jlong that is no negative number");
    check(Handle.isLive(handle.word()), "live");
    handle.close();
    refused(STALE, handle::get);
    check(!Handle.isLive(handle.word()), "not live");
    handle.close(); // as AutoCloseable requires
  }

  void testUseAfterCloseThrows() {
    Widget widget = new Widget(40);
    equal(widget.add(2), 42L);
    widget.close();
    refused(STALE, () -> widget.add(1));
    refused(STALE, () -> widget.addLater(1));
    widget.close();
  }

  void testCloseLetsGoOfTheObject() throws Exception {
    ReferenceQueue<Object> collected = new ReferenceQueue<>();
    Object object = new Object();
    PhantomReference<Object> reference = new PhantomReference<>(object, collected);
    Handle<Object> handle = new Handle<>(object);
    object = null;
    System.gc();
    check(handle.get() != null, "kept");
    check(collected.poll() == null, "kept");
    handle.close();
    while (collected.remove(10) != reference) {
      System.gc();
    }
  }

  void testListenerHearsUntilItIsClosed() {
    List<Long> heard = new ArrayList<>();
    try (Widget widget = new Widget(0)) {
      try (Handle<LongConsumer> listener = new Handle<>(heard::add)) {
        widget.subscribe(listener);
        widget.add(1);
      }
      equal(widget.add(1), 2L); // the late call is refused in C
      equal(heard, List.of(1L));
    }
  }

  void testListenerMayCloseItselfAndItsWidget() {
    Widget widget = new Widget(0);
    AtomicReference<Handle<LongConsumer>> listener = new AtomicReference<>();
    AtomicLong alive = new AtomicLong();
    listener.set(
        new Handle<>(
            sum -> {
              listener.get().close();
              widget.close();
              alive.set(Widget.count());
            }));
    widget.subscribe(listener.get());
    equal(widget.add(1), 1L);
    equal(alive.get(), 1L);
    equal(Widget.count(), 0L);
  }

  void testListenersExceptionIsThrownByAdd() {
    try (Widget widget = new Widget(0);
        Handle<LongConsumer> listener =
            new Handle<>(
                sum -> {
                  throw new ArithmeticException("at " + sum);
                })) {
      widget.subscribe(listener);
      try {
        widget.add(3);
        throw new AssertionError("not thrown");
      } catch (ArithmeticException e) {
        equal(e.getMessage(), "at 3");
      }
      equal(widget.add(1), 4L); // it has been unsubscribed
    }
  }

  void testThreadOfTheLibraryOutlivesBothCloses() throws Exception {
    Widget widget = new Widget(0);
    CompletableFuture<Long> inside = new CompletableFuture<>();
    CountDownLatch goOn = new CountDownLatch(1);
    Handle<LongConsumer> listener =
        new Handle<>(
            sum -> {
              inside.complete(sum);
              try {
                goOn.await();
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
            });
    widget.subscribe(listener);
    widget.addLater(3);
    equal(inside.get(), 3L);
    listener.close();
    widget.close();
    equal(Widget.count(), 1L);
    goOn.countDown();
    Widget.join();
    equal(Widget.count(), 0L);
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  void testTypesAreTold() throws Exception {
    try (Widget widget = new Widget(0);
        Handle<String> string = new Handle<>("no listener")) {
      refused(WRONG_TYPE, () -> widget.subscribe((Handle) string));
      Method add = Widget.class.getDeclaredMethod("add", long.class, long.class);
      add.setAccessible(true);
      try {
        add.invoke(null, string.word(), 1L);
        throw new AssertionError("not refused");
      } catch (java.lang.reflect.InvocationTargetException e) {
        equal(((HaftException) e.getCause()).status(), WRONG_TYPE);
      }
      for (int bit = 0; bit < 64; ++bit) {
        check(!Handle.isLive(string.word() ^ (1L << bit)), "bit " + bit);
      }
    }
  }

  /** Runs `use` in three threads until each has been refused as stale, and `close` meanwhile. */
  static void race(Runnable use, Runnable close) throws Exception {
    CountDownLatch started = new CountDownLatch(3);
    List<CompletableFuture<Void>> ends = new ArrayList<>();
    for (int reader = 0; reader < 3; ++reader) {
      CompletableFuture<Void> end = new CompletableFuture<>();
      ends.add(end);
      new Thread(
              () -> {
                started.countDown();
                try {
                  while (true) use.run();
                } catch (StaleHandleException e) {
                  end.complete(null);
                } catch (Throwable e) {
                  end.completeExceptionally(e);
                }
              })
          .start();
    }
    started.await();
    close.run();
    for (CompletableFuture<Void> end : ends) end.get();
  }

  void testReadersAgainstACloserOfAWidget() throws Exception {
    for (int round = 0; round < 100; ++round) {
      Widget widget = new Widget(0);
      race(() -> widget.add(1), widget::close);
    }
    equal(Widget.count(), 0L);
  }

  void testReadersAgainstACloserOfAHandle() throws Exception {
    for (int round = 0; round < 100; ++round) {
      Integer object = round;
      Handle<Integer> handle = new Handle<>(object);
      race(() -> check(handle.get() == object, "another object"), handle::close);
    }
  }

  public static void main(String[] arguments) throws Exception {
    int passed = 0;
    for (Method method : HaftTest.class.getDeclaredMethods()) {
      if (!method.getName().startsWith("test")) continue;
      System.err.println(method.getName());
      method.invoke(new HaftTest());
      ++passed;
    }
    Widget.join();
    equal(Widget.count(), 0L);
    System.out.println(passed + " passed");
  }
}
