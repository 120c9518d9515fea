package hafttest;

import haft.HaftException;
import haft.StaleHandleException;
import haft.Status;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;

/** Checks that the tests share. A test is a method whose name begins with `test`. */
class Tests {
  static void check(boolean holds, Object what) {
    if (!holds) throw new AssertionError(what);
  }

  static void equal(Object got, Object wanted) {
    check(got.equals(wanted), "got " + got + ", wanted " + wanted);
  }

  /** Thrown by a test that this Java cannot run. */
  static final class Skipped extends Exception {
    private static final long serialVersionUID = 1;

    Skipped(String reason) {
      super(reason);
    }
  }

  interface Use {
    void run() throws Exception;
  }

  /** Runs `use`, which must throw a `type`, and returns that. */
  static <E extends Throwable> E thrown(Class<E> type, Use use) throws Exception {
    try {
      use.run();
    } catch (Throwable e) {
      if (e.getClass() == type) return type.cast(e);
      throw new AssertionError("another exception", e);
    }
    throw new AssertionError("no " + type);
  }

  /** Runs `use`, which must be refused because of `word`, and the exception must say all. */
  static <E extends HaftException> E refused(Class<E> type, Status status, long word, Use use)
      throws Exception {
    final E e = thrown(type, use);
    equal(e.status(), status);
    equal(e.word(), word);
    check(e.getMessage().startsWith(status.sentence()), e.getMessage());
    check(e.getMessage().contains(e.description()), e.getMessage());
    equal(e.description().isEmpty(), word == 0);
    if (word != 0) check(e.description().contains(Long.toHexString(word)), e.description());
    return e;
  }

  static void stale(long word, Use use) throws Exception {
    refused(StaleHandleException.class, Status.STALE, word, use);
  }

  /**
   * Waits until the collector has found that nobody refers to what `made` makes. `meanwhile` runs
   * between its tries.
   */
  static void collected(Supplier<Object> made, Runnable meanwhile) throws Exception {
    final ReferenceQueue<Object> queue = new ReferenceQueue<>();
    final PhantomReference<Object> reference = new PhantomReference<>(made.get(), queue);
    do {
      System.gc();
      meanwhile.run();
    } while (queue.remove(10) != reference);
  }

  /** Runs `use` in three threads until each has been refused as stale, and `close` meanwhile. */
  static void race(Runnable use, Runnable close) throws Exception {
    final CountDownLatch started = new CountDownLatch(3);
    final List<CompletableFuture<Void>> ends = new ArrayList<>();
    for (int reader = 0; reader < 3; ++reader) {
      ends.add(
          inThread(
              () -> {
                started.countDown();
                try {
                  while (true) use.run();
                } catch (StaleHandleException e) {
                  equal(e.status(), Status.STALE);
                }
              }));
    }
    started.await();
    close.run();
    for (CompletableFuture<Void> end : ends) end.get();
  }

  static CompletableFuture<Void> inThread(Use use) {
    final CompletableFuture<Void> end = new CompletableFuture<>();
    new Thread(
            () -> {
              try {
                use.run();
                end.complete(null);
              } catch (Throwable e) {
                end.completeExceptionally(e);
              }
            })
        .start();
    return end;
  }

  /** Runs the tests of `tests` and prints how many. */
  static void run(Tests tests) throws Exception {
    int passed = 0;
    for (Method method : tests.getClass().getDeclaredMethods()) {
      if (!method.getName().startsWith("test")) continue;
      System.err.println(method.getName());
      try {
        method.invoke(tests);
      } catch (InvocationTargetException e) {
        if (e.getCause() instanceof Skipped) {
          System.err.println("skipped: " + e.getCause().getMessage());
          continue;
        }
        throw new AssertionError(method.getName(), e.getCause());
      }
      ++passed;
    }
    System.out.println(passed + " passed");
  }
}
