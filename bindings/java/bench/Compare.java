package bench;

import haft.Handle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicLong;
import widget.Widget;

/**
 * Measures new, value and delete beside what Java programs do today, and look-ups alone. Prints the
 * least and the median of many short rounds, in which all rows take turns, in ns for each turn of a
 * thread. Usage: Compare [ROUNDS]
 */
public final class Compare {
  static final int TURNS = 20_000;
  static final int LIVE = 1024;

  static native long newReference(Object object);

  static native Object reference(long word);

  static native void deleteReference(long word);

  static native long newPointer(long value);

  static native long pointer(long word);

  static native void deletePointer(long word);

  static final Object OBJECT = new Object();
  static final ConcurrentHashMap<Long, Object> MAP = new ConcurrentHashMap<>();
  static final AtomicLong NEXT = new AtomicLong();

  static void check(boolean holds) {
    if (!holds) throw new AssertionError("another value");
  }

  /** A row does all its turns itself, so that each has a loop of its own. */
  interface Row {
    void run();
  }

  static Map<String, Row> rows() {
    final Map<String, Row> rows = new LinkedHashMap<>();
    rows.put(
        "haft.Handle",
        () -> {
          for (int i = 0; i < TURNS; ++i) {
            final Handle<Object> handle = new Handle<>(OBJECT);
            check(handle.get() == OBJECT);
            handle.close();
          }
        });
    rows.put(
        "haft.Handle, found by its word",
        () -> {
          for (int i = 0; i < TURNS; ++i) {
            final long word = new Handle<>(OBJECT).word();
            check(Handle.objectOf(word) == OBJECT);
            Handle.of(word).close();
          }
        });
    rows.put(
        "JNI global reference in a long",
        () -> {
          for (int i = 0; i < TURNS; ++i) {
            final long word = newReference(OBJECT);
            check(reference(word) == OBJECT);
            deleteReference(word);
          }
        });
    rows.put(
        "number in a ConcurrentHashMap",
        () -> {
          for (int i = 0; i < TURNS; ++i) {
            final long word = NEXT.incrementAndGet();
            MAP.put(word, OBJECT);
            check(MAP.get(word) == OBJECT);
            MAP.remove(word);
          }
        });
    rows.put(
        "haft Widget, an object of C++",
        () -> {
          for (int i = 0; i < TURNS; ++i) {
            final Widget widget = new Widget(i);
            check(widget.add(0) == i);
            widget.close();
          }
        });
    rows.put(
        "pointer in a long, unchecked",
        () -> {
          for (int i = 0; i < TURNS; ++i) {
            final long word = newPointer(i);
            check(pointer(word) == i);
            deletePointer(word);
          }
        });
    return rows;
  }

  static Map<String, Row> lookUps() {
    final List<Handle<Object>> handles = new ArrayList<>();
    final long[] words = new long[LIVE];
    final long[] references = new long[LIVE];
    final long[] numbers = new long[LIVE];
    final long[] pointers = new long[LIVE];
    final Object[] objects = new Object[LIVE];
    for (int i = 0; i < LIVE; ++i) {
      handles.add(new Handle<>(OBJECT));
      words[i] = handles.get(i).word();
      references[i] = newReference(OBJECT);
      numbers[i] = NEXT.incrementAndGet();
      MAP.put(numbers[i], OBJECT);
      pointers[i] = newPointer(i);
      objects[i] = OBJECT;
    }
    final Map<String, Row> rows = new LinkedHashMap<>();
    rows.put(
        "haft.Handle.get",
        () -> {
          for (int i = 0; i < TURNS; ++i) check(handles.get(i % LIVE).get() == OBJECT);
        });
    rows.put(
        "haft.Handle.objectOf(word)",
        () -> {
          for (int i = 0; i < TURNS; ++i) check(Handle.objectOf(words[i % LIVE]) == OBJECT);
        });
    rows.put(
        "JNI global reference in a long",
        () -> {
          for (int i = 0; i < TURNS; ++i) check(reference(references[i % LIVE]) == OBJECT);
        });
    rows.put(
        "number in a ConcurrentHashMap",
        () -> {
          for (int i = 0; i < TURNS; ++i) check(MAP.get(numbers[i % LIVE]) == OBJECT);
        });
    rows.put(
        "pointer in a long, unchecked",
        () -> {
          for (int i = 0; i < TURNS; ++i) check(pointer(pointers[i % LIVE]) == i % LIVE);
        });
    rows.put(
        "index of an array, unchecked",
        () -> {
          for (int i = 0; i < TURNS; ++i) check(objects[i % LIVE] == OBJECT);
        });
    return rows;
  }

  /** Returns the time from the first start of a thread to the last end of one. */
  static double measure(int threads, Row row) throws Exception {
    final CyclicBarrier start = new CyclicBarrier(threads);
    final List<CompletableFuture<long[]>> workers = new ArrayList<>();
    for (int i = 0; i < threads; ++i) {
      final CompletableFuture<long[]> worker = new CompletableFuture<>();
      workers.add(worker);
      new Thread(
              () -> {
                try {
                  start.await();
                  final long begin = System.nanoTime();
                  row.run();
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

  static void print(String title, Map<String, Row> rows, int rounds) throws Exception {
    final Map<String, double[][]> times = new LinkedHashMap<>();
    for (String name : rows.keySet()) times.put(name, new double[2][rounds]);
    for (int round = -rounds / 3; round < rounds; ++round) { // the first ones warm up
      for (Map.Entry<String, Row> row : rows.entrySet()) {
        for (int threads = 1; threads <= 2; ++threads) {
          final double time = measure(threads, row.getValue());
          if (round >= 0) times.get(row.getKey())[threads - 1][round] = time;
        }
      }
    }
    System.out.printf(Locale.ROOT, "%-34s%18s%18s%n", title + ", ns", "1 thread", "2 threads");
    System.out.printf(Locale.ROOT, "%-34s%9s%9s%9s%9s%n", "", "least", "median", "least", "median");
    for (Map.Entry<String, double[][]> row : times.entrySet()) {
      System.out.printf(Locale.ROOT, "%-34s", row.getKey());
      for (double[] each : row.getValue()) {
        Arrays.sort(each);
        System.out.printf(Locale.ROOT, "%9.1f%9.1f", each[0], each[rounds / 2]);
      }
      System.out.println();
    }
  }

  public static void main(String[] arguments) throws Exception {
    final int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 150;
    System.loadLibrary("comparejni");
    System.out.println("Java " + System.getProperty("java.version") + ", Haft by " + arguments[1]);
    print("new + value + delete", rows(), rounds);
    print("look-up", lookUps(), rounds);
  }
}
