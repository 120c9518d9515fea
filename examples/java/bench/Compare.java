import haft.Handle;
import haft.Widget;
import java.util.Arrays;
import java.util.concurrent.CyclicBarrier;
import java.util.function.LongConsumer;

/** New, value and delete: medians of interleaved repetitions, in ns for all three. */
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

  static double measure(int threads, LongConsumer turn) throws Exception {
    CyclicBarrier start = new CyclicBarrier(threads + 1);
    Thread[] workers = new Thread[threads];
    for (int i = 0; i < threads; ++i) {
      workers[i] =
          new Thread(
              () -> {
                try {
                  start.await();
                } catch (Exception e) {
                  throw new AssertionError(e);
                }
                for (int n = 0; n < TURNS; ++n) turn.accept(n);
              });
      workers[i].start();
    }
    start.await();
    long begin = System.nanoTime();
    for (Thread worker : workers) worker.join();
    return (System.nanoTime() - begin) / (double) TURNS;
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
