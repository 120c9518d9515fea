package hafttest;

import haft.Haft;
import haft.Handle;
import haft.Status;
import haft.WrongTypeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import widget.Widget;

/** Tests of the example, objects of C++ in Java and objects of Java in C++, by JNI or by FFM. */
final class WidgetTest extends Tests {
  void testUseAfterCloseThrows() throws Exception {
    Widget widget = new Widget(40);
    equal(widget.add(2), 42L);
    widget.close();
    stale(widget.word(), () -> widget.add(1));
    stale(widget.word(), () -> widget.addLater(1));
    widget.close();
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

  void testReadersAgainstACloserOfAWidget() throws Exception {
    for (int round = 0; round < 40; ++round) {
      Widget widget = new Widget(0);
      race(() -> widget.add(1), widget::close);
    }
    equal(Widget.count(), 0L);
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  void testTypesAreTold() throws Exception {
    try (Widget widget = new Widget(0);
        Handle<String> string = new Handle<>("no listener")) {
      refused(
          WrongTypeException.class,
          Status.WRONG_TYPE,
          string.word(),
          () -> widget.subscribe((Handle) string));
      refused(
          WrongTypeException.class,
          Status.WRONG_TYPE,
          widget.word(),
          () -> Handle.objectOf(widget.word()));
    }
  }

  @SuppressWarnings("UnnecessaryAsync") // a variable that the listener may read
  void testListenerMayUseItsWidget() {
    try (Widget widget = new Widget(0)) {
      final AtomicReference<Handle<LongConsumer>> listener = new AtomicReference<>();
      listener.set(
          new Handle<>(
              sum -> {
                if (sum < 10) equal(widget.add(1), 10L);
              }));
      widget.subscribe(listener.get());
      // The listener has added, too, and the inner call has not changed what the outer one returns.
      equal(widget.add(9), 9L);
      listener.get().close();
    }
  }

  void testARefusalInsideAListenerIsNotThatOfTheListener() throws Exception {
    final Handle<String> closed = new Handle<>("closed");
    closed.close();
    try (Widget widget = new Widget(0);
        Handle<LongConsumer> listener = new Handle<>(sum -> closed.get())) {
      widget.subscribe(listener);
      stale(closed.word(), () -> widget.add(1));
    }
  }

  void testAWidgetThatIsForgottenIsDeleted() throws Exception {
    for (int i = 0; i < 100; ++i) new Widget(i);
    while (Widget.count() > 0) System.gc();
  }

  void testAnExceptionOnAThreadOfTheLibraryIsReported() throws Exception {
    try (Widget widget = new Widget(0);
        Handle<LongConsumer> listener =
            new Handle<>(
                sum -> {
                  throw new ArithmeticException("reported: at " + sum);
                })) {
      widget.subscribe(listener);
      widget.addLater(5);
      Widget.join();
      equal(widget.add(1), 6L); // it has been unsubscribed
    }
  }

  /** Makes a widget that nobody closes. */
  private static long forgotten() {
    return new Widget(0).word();
  }

  /** In compiled code, nothing refers to the widget any more while `add` runs. */
  private static long lastUse(Handle<LongConsumer> listener, long[] word) {
    final Widget widget = new Widget(0);
    word[0] = widget.word();
    widget.subscribe(listener);
    return widget.add(1);
  }

  void testAWidgetIsNotDeletedInTheMiddleOfItsLastCall() {
    final boolean[] collect = new boolean[1];
    final long[] word = new long[1];
    final int[] heard = new int[1];
    try (Handle<LongConsumer> listener =
        new Handle<>(
            sum -> {
              ++heard[0];
              if (!collect[0]) return;
              final long other = forgotten();
              while (Haft.check(other) == Status.OK) System.gc();
              equal(Haft.check(word[0]), Status.OK);
            })) {
      for (int i = 0; i < 30_000; ++i) equal(lastUse(listener, word), 1L);
      collect[0] = true;
      for (int i = 0; i < 10; ++i) equal(lastUse(listener, word), 1L);
    }
    equal(heard[0], 30_010);
    while (Widget.count() > 0) System.gc(); // the next test counts, too
  }

  /** However the libraries were found, there is one Haft in the process. */
  void testThereIsOneLibrary() throws Exception {
    final long files;
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
      files =
          lines
              .filter(line -> line.contains("libhaft.so"))
              .map(line -> line.substring(line.indexOf('/')))
              .distinct()
              .count();
    }
    equal(files, 1L);
  }

  public static void main(String[] arguments) throws Exception {
    // The order in which the two are loaded.
    if (arguments.length > 0) {
      equal(Widget.count(), 0L);
    } else {
      new Handle<>("first").close();
    }
    run(new WidgetTest());
    Widget.join();
    equal(Widget.count(), 0L);
  }
}
