package haft;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The functions of {@code haft.h}, by the Java Native Interface. On Java 22 and later, the class of
 * the same name in {@code META-INF/versions/22} is used instead.
 */
final class Native {
  static {
    load();
    Loader.checkVersion(version());
  }

  private Native() {}

  private static void load() {
    try {
      System.loadLibrary("haftjni");
    } catch (UnsatisfiedLinkError e) {
      if (!Loader.onLibraryPath("libhaftjni.so").isEmpty())
        throw e; // it is there, and cannot be linked
      Loader.unpacked(
          file -> {
            System.load(file.toString());
            return null;
          },
          "libhaft.so.0",
          "libhaftjni.so");
    }
  }

  // The layout that haft/view.h describes: a slot has eight words, the third is the type and the
  // fourth the state.
  private static final VarHandle WORD =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());
  private static final long WATCHED = 1;
  private static final int SLOT_BITS = 6;
  private static final int TYPE_OF_OBJECT = 2 * Long.BYTES;
  private static final int STATE = 3 * Long.BYTES;
  private static final long[] VIEW = new long[3];
  private static final int HAS_VIEW = Boolean.getBoolean("haft.noview") ? -1 : view(VIEW);
  private static final long MASK = VIEW[2];

  /** How many slots the table has; 0 if look-ups must be calls. */
  static final int SLOTS =
      HAS_VIEW != 0 || MASK > Integer.MAX_VALUE - (1 << SLOT_BITS)
          ? 0
          : (int) (MASK >>> SLOT_BITS) + 1;

  private static final ByteBuffer GATE =
      SLOTS == 0 ? null : memory(VIEW[0], Long.BYTES).order(ByteOrder.nativeOrder());
  private static final ByteBuffer MEMORY =
      SLOTS == 0 ? null : memory(VIEW[1], (long) SLOTS << SLOT_BITS).order(ByteOrder.nativeOrder());

  /** Returns whether {@code word} is live. If it returns false, only a call knows. */
  static boolean isLive(long word) {
    // Acquire: sees what was written before the handle was made.
    return SLOTS != 0
        && !isWatched()
        && (long) WORD.getAcquire(MEMORY, (int) distance(word) + STATE) == word;
  }

  /** Returns whether diagnostics watch. */
  private static boolean isWatched() {
    return SLOTS != 0 && (long) WORD.getOpaque(GATE, 0) == WATCHED;
  }

  /**
   * Returns whether {@code word} is live and its object has the descriptor {@code type}. If it
   * returns false, only a call knows.
   */
  static boolean isLive(long word, long type) {
    // The word that is read between two reads of the same handle is of that handle. Acquire: in
    // this order.
    return isLive(word)
        && (long) WORD.getAcquire(MEMORY, (int) distance(word) + TYPE_OF_OBJECT) == type
        && isLive(word);
  }

  /** Returns the number of the slot that {@code word} selects; any word selects one. */
  static int slot(long word) {
    return (int) (distance(word) >>> SLOT_BITS);
  }

  /**
   * Returns how far the slot that {@code word} selects is from the first one. Bit 0 of a handle is
   * no part of the slot's number.
   */
  private static long distance(long word) {
    return (word << (SLOT_BITS - 1)) & MASK;
  }

  /**
   * Makes a handle for a Java object. Returns its word, or a status as a number that is not
   * positive.
   */
  static long create() {
    if (!isWatched()) return create0();
    final StackTraceElement caller = Haft.caller();
    return createAt(Haft.bytes(caller.getFileName()), caller.getLineNumber());
  }

  /** Deletes a handle of a Java object. */
  static int delete(long word) {
    if (!isWatched()) return delete0(word);
    final StackTraceElement caller = Haft.caller();
    return deleteAt(word, Haft.bytes(caller.getFileName()), caller.getLineNumber());
  }

  private static native long create0();

  private static native long createAt(byte[] file, int line);

  private static native int delete0(long word);

  private static native int deleteAt(long word, byte[] file, int line);

  /** Returns HAFT_OK if {@code word} is a live handle of a Java object. */
  static native int value(long word);

  /**
   * Returns HAFT_OK if {@code word} is a live handle of an object of {@code type}; 0 for any type.
   */
  static native int valueAny(long word, long type);

  static native int check(long word);

  /** Deletes a handle of any object, whose destructor may call Java. */
  static native int deleteAny(long word, long type);

  static native int deleteAndWait(long word, long type, long nanoseconds);

  /** Pins. Writes the four words of the pin and the address of the object. */
  static native int pin(long word, long type, long[] pin);

  static native void unpin(long word0, long word1, long word2, long word3);

  static native int version();

  static native String sentence(int status);

  static native int prepare(long expected);

  static native long trim();

  static native int stats(long[] figures);

  static String describe(long word) {
    byte[] text = new byte[1024];
    int length = describe(word, text);
    if (length >= text.length) {
      text = new byte[length + 1];
      length = Math.min(describe(word, text), text.length - 1);
    }
    return new String(text, 0, length, StandardCharsets.UTF_8);
  }

  private static native int describe(long word, byte[] text);

  /** Writes the gate, the slots and the mask. Returns 0, or -1 if calls must do. */
  private static native int view(long[] view);

  private static native ByteBuffer memory(long address, long size);
}
