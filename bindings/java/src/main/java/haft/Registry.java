package haft;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Finds the {@link Handle} of a word: in an array at the number of the word's slot, where the
 * slot's last handle is. The caller compares the whole word. After its end a handle stays in its
 * place, without its object, until the slot is used again.
 *
 * <p>If the layout of the table is unknown, a map does it.
 */
final class Registry {
  private static final int CHUNK_BITS = 10;
  private static final int CHUNK_SIZE = 1 << CHUNK_BITS;

  private static final VarHandle ELEMENT = MethodHandles.arrayElementVarHandle(Handle[].class);
  private static final VarHandle CHUNK = MethodHandles.arrayElementVarHandle(Handle[][].class);

  /** The array, in parts that are made when they are first needed. Null if there is a map. */
  private static final Handle<?>[][] CHUNKS =
      Native.SLOTS == 0 ? null : new Handle<?>[(Native.SLOTS + CHUNK_SIZE - 1) >>> CHUNK_BITS][];

  private static final ConcurrentMap<Long, Handle<?>> MAP =
      CHUNKS == null ? new ConcurrentHashMap<>() : null;

  private Registry() {}

  static void put(long word, Handle<?> handle) {
    if (CHUNKS == null) {
      MAP.put(word, handle);
    } else {
      final int slot = Native.slot(word);
      Handle<?>[] chunk = (Handle<?>[]) CHUNK.getAcquire(CHUNKS, slot >>> CHUNK_BITS);
      if (chunk == null) chunk = makeChunk(slot >>> CHUNK_BITS);
      // Release: publishes the handle to find.
      ELEMENT.setRelease(chunk, slot & (CHUNK_SIZE - 1), handle);
    }
    // One new handle of 64, whichever slots they use, does a part of the sweeping that is due.
    if ((word * 0x9E3779B97F4A7C15L) >>> 58 == 0) Sweep.step();
  }

  private static Handle<?>[] makeChunk(int number) {
    final Handle<?>[] made = new Handle<?>[CHUNK_SIZE];
    final Handle<?>[] other = (Handle<?>[]) CHUNK.compareAndExchange(CHUNKS, number, null, made);
    return other == null ? made : other;
  }

  /** Returns a handle that may have the word, or null. */
  static Handle<?> find(long word) {
    if (CHUNKS == null) return MAP.get(word);
    final int slot = Native.slot(word);
    final Handle<?>[] chunk = (Handle<?>[]) CHUNK.getAcquire(CHUNKS, slot >>> CHUNK_BITS);
    return chunk == null ? null : (Handle<?>) ELEMENT.getAcquire(chunk, slot & (CHUNK_SIZE - 1));
  }

  /**
   * Removes a handle that has ended from the map. In the array, the slot may be another's already.
   */
  static void forget(long word, Handle<?> handle) {
    if (CHUNKS == null) MAP.remove(word, handle);
  }

  /** Lets go of all objects whose handles C has deleted. */
  static void sweep() {
    if (CHUNKS == null) {
      MAP.values().forEach(Handle::forgetIfStale);
    } else {
      for (int chunk = 0; chunk < CHUNKS.length; ++chunk) sweep(chunk);
    }
  }

  private static void sweep(int number) {
    final Handle<?>[] chunk = (Handle<?>[]) CHUNK.getAcquire(CHUNKS, number);
    if (chunk == null) return;
    for (int slot = 0; slot < CHUNK_SIZE; ++slot) {
      final Handle<?> handle = (Handle<?>) ELEMENT.getAcquire(chunk, slot);
      if (handle != null) handle.forgetIfStale();
    }
  }

  /**
   * Sweeping in steps, all of them once after each garbage collection, because nothing is freed
   * before the next one anyway.
   */
  private static final class Sweep {
    /** Cleared by the garbage collector. */
    private static volatile WeakReference<Object> canary = new WeakReference<>(new Object());

    /** The number of the next chunk; at the end and beyond it nothing is due. */
    private static final AtomicInteger next = new AtomicInteger(Integer.MAX_VALUE / 2);

    private Sweep() {}

    static void step() {
      if (canary.get() == null) {
        canary = new WeakReference<>(new Object());
        next.set(0);
      }
      final int end = CHUNKS == null ? 1 : CHUNKS.length;
      int number = next.get();
      if (number >= end) return;
      number = next.getAndIncrement();
      // Parts that no handle has used cost nothing.
      while (CHUNKS != null && number < end && CHUNK.getAcquire(CHUNKS, number) == null)
        number = next.getAndIncrement();
      if (number >= end) return;
      if (CHUNKS == null) {
        sweepMap();
      } else {
        sweep(number);
      }
    }

    private static void sweepMap() {
      MAP.values().forEach(Handle::forgetIfStale);
    }
  }
}
