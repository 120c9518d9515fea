import haft.Handle;
import haft.Widget;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.function.LongConsumer;

/** Measures new, value and delete: medians of interleaved repetitions, in ns for all three. */
public final class Compare {
  static final int REPETITIONS = 15;
  static final int TURNS = 50_000;

  static native long newReference(Object object);

  static native Object reference(long word);

  static native void deleteReference(long word);

  static native long newPointer(long value);

  static native long pointer(long word);

  static native void deletePointer(long word);

  static void check(boolean holds) {
    if (!holds) throw new AssertionError("another value");
  }

  /** Returns the time from the first start of a thread to the last end of one. */
  static double measure(int threads, LongConsumer turn) throws Exception {
    CyclicBarrier start = new CyclicBarrier(threads);
    List<CompletableFuture<long[]>> workers = new ArrayList<>();
    for (int i = 0; i < threads; ++i) {
      CompletableFuture<long[]> worker = new CompletableFuture<>();
      workers.add(worker);
      new Thread(
              () -> {
                try {
                  start.await();
                  long begin = System.nanoTime();
                  for (int n = 0; n < TURNS; ++n) turn.accept(n);
                  worker.complete(new long[] {begin, System.nanoTime()});
                } catch (Throwable e) {
                  worker.completeExceptionally(e);
                }
              })
          .start();
    }
    long begin = Long.MAX_VALUE;
    long end = Long.MIN_VALUE;
    for (CompletableFuture<long[]> worker : workers) {
      begin = Math.min(begin, worker.get()[0]);
      end = Math.max(end, worker.get()[1]);
    }
    return (end - begin) / (double) TURNS;
  }

  public static void main(String[] arguments) throws Exception {
    System.loadLibrary("comparejni");
    Object object = new Object();
    String[] names = {
      "haft.Handle", "global reference in a jlong", "haft.Widget", "pointer in a jlong, unchecked"
    };
    LongConsumer[] turns = {
      i -> {
        try (Handle<Object> handle = new Handle<>(object)) {
          check(handle.get() == object);
        }
      },
      i -> {
        long word = newReference(object);
        check(reference(word) == object);
        deleteReference(word);
      },
      i -> {
        try (Widget widget = new Widget(i)) {
          check(widget.add(0) == i);
        }
      },
      i -> {
        long word = newPointer(i);
        check(pointer(word) == i);
        deletePointer(word);
      }
    };
    double[][][] times = new double[turns.length][2][REPETITIONS];
    for (int repetition = -3; repetition < REPETITIONS; ++repetition) { // three to warm up
      for (int row = 0; row < turns.length; ++row) {
        for (int threads = 1; threads <= 2; ++threads) {
          double time = measure(threads, turns[row]);
          if (repetition >= 0) times[row][threads - 1][repetition] = time;
        }
      }
    }
    System.out.printf("%-32s%10s%10s%n", "ns a turn", "1 thread", "2 threads");
    for (int row = 0; row < turns.length; ++row) {
      for (double[] each : times[row]) Arrays.sort(each);
      System.out.printf(
          "%-32s%10.1f%10.1f%n",
          names[row], times[row][0][REPETITIONS / 2], times[row][1][REPETITIONS / 2]);
    }
  }
}
