package hafttest;

import haft.Haft;
import haft.HaftException;
import haft.Handle;
import haft.MalformedHandleException;
import haft.NeverIssuedException;
import haft.NullHandleException;
import haft.Pin;
import haft.PinnedException;
import haft.StaleHandleException;
import haft.Stats;
import haft.Status;
import haft.WrongTypeException;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Tests of the handles, in a process whose table is as large as usual and which diagnostics do not
 * watch.
 */
final class HaftTest extends Tests {
  void testGetUntilClose() throws Exception {
    final Handle<String> handle = new Handle<>("haft");
    equal(handle.get(), "haft");
    check(handle.isLive(), "live");
    equal(handle.word() & 1, 1L);
    check(handle.word() > 0, "a long that is no negative number");
    equal(handle.toString(), "Handle[0x" + Long.toHexString(handle.word()) + "]");
    equal(C.check(handle.word()), 0);
    handle.close();
    check(!handle.isLive(), "not live");
    stale(handle.word(), handle::get);
    equal(C.check(handle.word()), Status.STALE.code());
    handle.close(); // as AutoCloseable requires
  }

  void testNoHandleOfNull() throws Exception {
    final long created = Haft.stats().created();
    thrown(NullPointerException.class, () -> new Handle<>(null));
    equal(Haft.stats().created(), created);
  }

  void testEachObjectHasAnotherWord() {
    final Object object = new Object();
    try (Handle<Object> one = new Handle<>(object);
        Handle<Object> two = new Handle<>(object)) {
      check(one.word() != two.word(), "the same word");
      check(one.get() == object && two.get() == object, "another object");
    }
  }

  void testDeleteAndTakeSayThatItHasEnded() throws Exception {
    final Handle<String> deleted = new Handle<>("deleted");
    deleted.delete();
    stale(deleted.word(), deleted::delete);
    final Handle<String> taken = new Handle<>("taken");
    equal(taken.take(), "taken");
    stale(taken.word(), taken::take);
    stale(taken.word(), taken::get);
    taken.close();
  }

  void testFindsTheObjectOfAWord() throws Exception {
    final Handle<String> handle = new Handle<>("haft");
    equal(Handle.objectOf(handle.word()), "haft");
    equal(Handle.objectOf(handle.word(), CharSequence.class), "haft");
    check(Handle.of(handle.word()) == handle, "another handle");
    handle.close();
    stale(handle.word(), () -> Handle.objectOf(handle.word()));
    stale(handle.word(), () -> Handle.objectOf(handle.word(), String.class));
    stale(handle.word(), () -> Handle.of(handle.word()));
  }

  void testAnObjectOfAnotherClassIsRefused() throws Exception {
    try (Handle<String> handle = new Handle<>("text")) {
      final WrongTypeException e =
          refused(
              WrongTypeException.class,
              Status.WRONG_TYPE,
              handle.word(),
              () -> Handle.objectOf(handle.word(), Integer.class));
      check(
          e.getMessage().contains("String") && e.getMessage().contains("Integer"), e.getMessage());
      equal(handle.get(), "text");
    }
  }

  void testAnObjectOfCIsNoneOfJava() throws Exception {
    try (Counter counter = new Counter(7)) {
      final long word = counter.word();
      refused(WrongTypeException.class, Status.WRONG_TYPE, word, () -> Handle.objectOf(word));
      refused(WrongTypeException.class, Status.WRONG_TYPE, word, () -> Handle.of(word));
      equal(counter.value(), 7L);
    }
  }

  void testWordsThatAreNoHandles() throws Exception {
    refused(NullHandleException.class, Status.NULL, 0, () -> Handle.objectOf(0));
    for (long word : new long[] {2, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE - 1, 0x1234567890L}) {
      refused(MalformedHandleException.class, Status.MALFORMED, word, () -> Handle.objectOf(word));
      equal(Haft.check(word), Status.MALFORMED);
    }
    equal(Haft.check(0), Status.NULL);
    try (Handle<String> handle = new Handle<>("haft")) {
      int neverIssued = 0;
      for (int bit = 0; bit < 64; ++bit) {
        final long forged = handle.word() ^ 1L << bit;
        final Status status = Haft.check(forged);
        check(status != Status.OK, "bit " + bit);
        equal(status.code(), C.check(forged));
        final HaftException e =
            thrown(HaftException.of(status, forged).getClass(), () -> Handle.objectOf(forged));
        equal(e.status(), status);
        if (e instanceof NeverIssuedException) ++neverIssued;
      }
      check(neverIssued > 20, neverIssued);
      equal(handle.get(), "haft");
    }
  }

  void testStatusesAreThoseOfC() throws Exception {
    for (Status status : Status.values()) {
      equal("HAFT_" + status.name(), C.statusName(status.code()));
      equal(status.sentence(), C.sentence(status.code()));
      equal(Status.of(status.code()), status);
      equal(status.name(), status.name().toUpperCase(Locale.ROOT));
      if (status == Status.OK) {
        thrown(IllegalArgumentException.class, () -> HaftException.of(status, 0));
      } else {
        equal(HaftException.of(status, 0).status(), status);
      }
    }
    equal(C.statusName(Status.values().length), "HAFT_UNKNOWN");
    thrown(IllegalArgumentException.class, () -> Status.of(Status.values().length));
    thrown(IllegalArgumentException.class, () -> Status.of(-1));
    equal(HaftException.of(Status.PINNED, 0).getClass(), PinnedException.class);
    HaftException.check(0, 0); // throws nothing
  }

  void testVersionIsThatOfTheHeader() {
    final int version = C.headerVersion();
    equal(Haft.version(), version / 10000 + "." + version / 100 % 100 + "." + version % 100);
  }

  void testCloseLetsGoOfTheObject() throws Exception {
    Object object = new Object();
    final WeakReference<Object> reference = new WeakReference<>(object);
    final Handle<Object> handle = new Handle<>(object);
    object = null;
    System.gc();
    check(reference.get() != null, "not kept");
    handle.close();
    while (reference.get() != null) System.gc();
  }

  void testTheWordAloneKeepsTheObject() {
    final long word = new Handle<>(new int[] {7}).word();
    System.gc();
    System.gc();
    equal(Handle.objectOf(word, int[].class)[0], 7);
    Handle.of(word).close();
    equal(Haft.check(word), Status.STALE);
  }

  void testCMayDelete() throws Exception {
    final Handle<String> handle = new Handle<>("haft");
    equal(C.delete(handle.word()), 0);
    stale(handle.word(), handle::get);
    stale(handle.word(), () -> Handle.objectOf(handle.word()));
    stale(handle.word(), handle::take);
    check(!handle.isLive(), "live");
    handle.close();
    equal(C.delete(handle.word()), Status.STALE.code());
  }

  void testAThreadThatJavaDoesNotKnowMayDelete() throws Exception {
    final Handle<String> handle = new Handle<>("haft");
    equal(C.deleteOnThread(handle.word()), 0);
    stale(handle.word(), handle::get);
    equal(C.deleteOnThread(handle.word()), Status.STALE.code());
  }

  /**
   * Makes a handle that the program forgets and C deletes, and returns its object. The next handles
   * here have other slots.
   */
  private static Object deletedByC() {
    final Object object = new Object();
    equal(C.deleteOnThread(new Handle<>(object).word()), 0);
    return object;
  }

  void testSweepLetsGoOfWhatCHasDeleted() throws Exception {
    try (Handle<String> live = new Handle<>("live")) {
      final long deadline = System.nanoTime() + 60_000_000_000L;
      collected(
          HaftTest::deletedByC,
          () -> {
            Haft.sweep();
            check(System.nanoTime() < deadline, "never collected");
          });
      equal(live.get(), "live");
    }
  }

  void testNewHandlesLetGoOfWhatCHasDeleted() throws Exception {
    final List<Handle<String>> live = new ArrayList<>();
    final long deadline = System.nanoTime() + 60_000_000_000L;
    collected(
        HaftTest::deletedByC,
        () -> {
          for (int i = 0; i < 1000; ++i) live.add(new Handle<>("live"));
          check(System.nanoTime() < deadline, "never collected");
        });
    for (Handle<String> each : live) {
      equal(each.get(), "live");
      each.close();
    }
  }

  void testAPinOfCOutlivesTheClose() throws Exception {
    final Handle<String> handle = new Handle<>("haft");
    final long retired = Haft.stats().retiredObjects();
    equal(C.pin(handle.word()), 0);
    handle.close();
    stale(handle.word(), handle::get);
    equal(Haft.stats().retiredObjects(), retired + 1);
    C.unpin();
    equal(Haft.stats().retiredObjects(), retired);
  }

  void testStatsCount() {
    final Stats before = Haft.stats();
    final Handle<String> handle = new Handle<>("haft");
    final Stats during = Haft.stats();
    equal(during.live(), before.live() + 1);
    equal(during.created(), before.created() + 1);
    equal(during.deleted(), before.deleted());
    handle.close();
    handle.close();
    final Stats after = Haft.stats();
    equal(after.live(), before.live());
    equal(after.deleted(), before.deleted() + 1);
    check(
        after.capacity() >= 4096 && after.highWater() <= after.capacity() + 1_000_000, "capacity");
    equal(after.exhaustedSlots() + after.lostCaches() + after.refusedUnpins(), 0L);
  }

  void testPrepareAndTrim() throws Exception {
    Haft.prepare(10_000);
    Haft.prepare(0);
    thrown(IllegalArgumentException.class, () -> Haft.prepare(-1));
    refused(
        haft.TableFullException.class,
        Status.FULL,
        0,
        () -> Haft.prepare(Haft.stats().capacity() + 1));
    final List<Handle<Integer>> handles = new ArrayList<>();
    for (int i = 0; i < 20_000; ++i) handles.add(new Handle<>(i));
    for (int i = 0; i < 20_000; ++i) if (i != 7) handles.get(i).close();
    check(Haft.trim() > 0, "nothing to trim");
    equal(handles.get(7).get(), 7);
    for (int i = 0; i < 20_000; i += 500) {
      final Handle<Integer> each = handles.get(i);
      stale(each.word(), each::get);
    }
    handles.get(7).close();
  }

  void testReadersAgainstACloser() throws Exception {
    for (int round = 0; round < 40; ++round) {
      final Object object = new Object();
      final Handle<Object> handle = new Handle<>(object);
      final long word = handle.word();
      race(
          () -> check(handle.get() == object && Handle.objectOf(word) == object, "another object"),
          handle::close);
    }
  }

  void testReadersAgainstADeleteByC() throws Exception {
    for (int round = 0; round < 40; ++round) {
      final Object object = new Object();
      final Handle<Object> handle = new Handle<>(object);
      final long word = handle.word();
      race(
          () -> check(handle.get() == object && Handle.objectOf(word) == object, "another object"),
          () -> equal(C.delete(word), 0));
    }
  }

  void testOneThreadTakes() throws Exception {
    for (int round = 0; round < 200; ++round) {
      final Handle<String> handle = new Handle<>("haft");
      final AtomicInteger took = new AtomicInteger();
      final CountDownLatch start = new CountDownLatch(1);
      final List<CompletableFuture<Void>> ends = new ArrayList<>();
      for (int i = 0; i < 3; ++i) {
        ends.add(
            inThread(
                () -> {
                  start.await();
                  try {
                    equal(handle.take(), "haft");
                    took.incrementAndGet();
                  } catch (StaleHandleException e) {
                    equal(e.word(), handle.word());
                  }
                }));
      }
      start.countDown();
      for (CompletableFuture<Void> end : ends) end.get();
      equal(took.get(), 1);
    }
  }

  /** Each object knows its word. */
  private static final class Named {
    volatile long word;
  }

  /**
   * Words are looked up while their slots change hands all the time: a look-up finds its own
   * object, or none.
   */
  void testALookUpNeverCrosses() throws Exception {
    final int places = 8;
    final AtomicReferenceArray<Long> words = new AtomicReferenceArray<>(places);
    final CountDownLatch writing = new CountDownLatch(2);
    final AtomicInteger found = new AtomicInteger();
    final List<CompletableFuture<Void>> ends = new ArrayList<>();
    for (int writer = 0; writer < 2; ++writer) {
      ends.add(
          inThread(
              () -> {
                for (int turn = 0; turn < 100_000; ++turn) {
                  final Named object = new Named();
                  final Handle<Named> handle = new Handle<>(object);
                  object.word = handle.word();
                  final Long old = words.getAndSet(turn % places, handle.word());
                  if (old != null) {
                    if (turn % 3 == 0) {
                      equal(C.delete(old), 0);
                    } else {
                      Handle.of(old).delete();
                    }
                  }
                }
                writing.countDown();
              }));
    }
    for (int reader = 0; reader < 2; ++reader) {
      ends.add(
          inThread(
              () -> {
                while (writing.getCount() > 0) {
                  for (int place = 0; place < places; ++place) {
                    final Long word = words.get(place);
                    if (word == null) continue;
                    try {
                      final Named named = Handle.objectOf(word, Named.class);
                      equal(named.word, word);
                      found.incrementAndGet();
                    } catch (StaleHandleException e) {
                      equal(e.word(), word);
                    }
                  }
                }
              }));
    }
    for (CompletableFuture<Void> end : ends) end.get();
    check(found.get() > 0, "never found");
    for (int place = 0; place < places; ++place) Handle.of(words.get(place)).close();
  }

  @SuppressWarnings("ThreadPriorityCheck") // so that virtual threads take turns
  void testVirtualThreads() throws Exception {
    final ExecutorService threads;
    try {
      threads =
          (ExecutorService)
              Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    } catch (NoSuchMethodException e) {
      throw new Skipped("before Java 21");
    }
    final long live = Haft.stats().live();
    final List<Future<?>> ends = new ArrayList<>();
    for (int i = 0; i < 5000; ++i) {
      final Integer object = i;
      ends.add(
          threads.submit(
              () -> {
                try (Handle<Integer> handle = new Handle<>(object)) {
                  Thread.yield();
                  check(Handle.objectOf(handle.word()) == object, "another object");
                }
              }));
    }
    for (Future<?> end : ends) end.get();
    threads.shutdown();
    equal(Haft.stats().live(), live);
  }

  void testAnObjectOfCIsDestroyedOnce() throws Exception {
    final long counters = C.counters();
    final Counter counter = new Counter(7);
    equal(counter.value(), 7L);
    check(counter.isLive(), "live");
    counter.close();
    equal(C.counters(), counters);
    check(!counter.isLive(), "not live");
    stale(counter.word(), counter::value);
    stale(counter.word(), counter::pin);
    stale(counter.word(), counter::delete);
    stale(counter.word(), () -> counter.deleteAndWait(Duration.ZERO));
    counter.close();
    final Counter deleted = new Counter(8);
    deleted.delete();
    equal(C.counters(), counters);
    deleted.close();
    equal(C.counters(), counters);
  }

  void testAnObjectThatCHasDeletedIsClosedInSilence() {
    final long counters = C.counters();
    final Counter counter = new Counter(7);
    equal(C.delete(counter.word()), 0);
    equal(C.counters(), counters);
    counter.close();
    equal(C.counters(), counters);
  }

  void testABadWordIsNotTakenOver() throws Exception {
    final Counter closed = new Counter(7);
    closed.close();
    stale(closed.word(), () -> new Counter(closed.word(), C.counterType()));
    refused(NullHandleException.class, Status.NULL, 0, () -> new Counter(0, 0));
    try (Counter counter = new Counter(7)) {
      refused(
          WrongTypeException.class,
          Status.WRONG_TYPE,
          counter.word(),
          () -> new Counter(counter.word(), C.otherType()));
      System.gc();
      equal(counter.value(), 7L);
    }
  }

  void testAPinKeepsTheObject() throws Exception {
    final long counters = C.counters();
    final Counter counter = new Counter(7);
    final Pin pin = counter.pin();
    counter.close();
    equal(C.counters(), counters + 1);
    equal(C.read(pin.address()), 7L);
    pin.close();
    equal(C.counters(), counters);
    thrown(IllegalStateException.class, pin::address);
    pin.close(); // does nothing
    equal(Haft.stats().refusedUnpins(), 0L);
  }

  void testDeleteAndWaitTellsWhetherItIsGone() throws Exception {
    final long counters = C.counters();
    final Counter used = new Counter(7);
    try (Pin pin = used.pin()) {
      check(!used.deleteAndWait(Duration.ofMillis(1)), "destroyed under a pin");
      equal(C.read(pin.address()), 7L);
    }
    equal(C.counters(), counters);
    check(new Counter(8).deleteAndWait(Duration.ofSeconds(10)), "not destroyed");
    equal(C.counters(), counters);
  }

  void testPinsOfWords() throws Exception {
    try (Counter counter = new Counter(7);
        Pin any = Pin.of(counter.word(), 0)) {
      equal(C.read(any.address()), 7L);
      refused(
          WrongTypeException.class,
          Status.WRONG_TYPE,
          counter.word(),
          () -> Pin.of(counter.word(), C.otherType()));
    }
    refused(NullHandleException.class, Status.NULL, 0, () -> Pin.of(0, 0));
    refused(MalformedHandleException.class, Status.MALFORMED, 2, () -> Pin.of(2, 0));
    try (Handle<String> handle = new Handle<>("haft");
        Pin pin = Pin.of(handle.word(), 0)) {
      equal(pin.address(), 0L);
    }
  }

  void testManyThreadsCloseAPin() throws Exception {
    for (int round = 0; round < 40; ++round) {
      final Counter counter = new Counter(7);
      final Pin pin = counter.pin();
      counter.close();
      final List<CompletableFuture<Void>> ends = new ArrayList<>();
      for (int i = 0; i < 3; ++i) ends.add(inThread(pin::close));
      for (CompletableFuture<Void> end : ends) end.get();
    }
    equal(Haft.stats().refusedUnpins(), 0L);
    equal(Haft.stats().retiredObjects(), 0L);
  }

  void testUsersAgainstACloserOfAnObjectOfC() throws Exception {
    final long counters = C.counters();
    for (int round = 0; round < 40; ++round) {
      final Counter counter = new Counter(round);
      final long value = round;
      race(() -> equal(counter.value(), value), counter::close);
    }
    equal(C.counters(), counters);
  }

  void testAnObjectThatIsForgottenIsDeleted() throws Exception {
    final long counters = C.counters();
    for (int i = 0; i < 1000; ++i) new Counter(i);
    while (C.counters() != counters) {
      System.gc();
    }
  }

  void testAnObjectIsNotDeletedInTheMiddleOfItsLastCall() throws Exception {
    final long counters = C.counters();
    final CountDownLatch done = new CountDownLatch(1);
    final CompletableFuture<Void> collector =
        inThread(
            () -> {
              while (done.getCount() > 0) System.gc();
            });
    for (int i = 0; i < 20_000; ++i) equal(new Counter(i).value(), (long) i);
    done.countDown();
    collector.get();
    while (C.counters() != counters) System.gc(); // the next test counts, too
  }

  public static void main(String[] arguments) throws Exception {
    final long live = Haft.stats().live();
    run(new HaftTest());
    equal(C.counters(), 0L);
    equal(Haft.stats().live(), live);
  }
}
