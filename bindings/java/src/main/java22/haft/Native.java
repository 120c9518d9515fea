package haft;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The functions of {@code haft.h}, by the Foreign Function and Memory API.
 *
 * <p>A critical call must neither call Java nor wait. These are the calls that make and delete
 * handles of Java objects, because there is nothing to destroy. While diagnostics watch, or if a
 * handle is no longer live, they are ordinary calls, because Haft may then call whatever the
 * program has given to {@code haft_set_refusal_callback}.
 */
@SuppressWarnings("restricted")
final class Native {
  private static final Linker LINKER = Linker.nativeLinker();
  private static final SymbolLookup LIBRARY = library();

  private static final Linker.Option CRITICAL = Linker.Option.critical(false);
  private static final Linker.Option CRITICAL_ON_HEAP = Linker.Option.critical(true);
  private static final MemoryLayout[] NONE = {};
  private static final MemoryLayout[] WORD_TYPE = {JAVA_LONG, JAVA_LONG};

  private static final MethodHandle VERSION = function("haft_version", JAVA_INT, NONE);

  static {
    if (ADDRESS.byteSize() != Long.BYTES)
      throw new UnsatisfiedLinkError("words of 64 bits are needed");
    Loader.checkVersion(version());
  }

  // All words are declared as JAVA_LONG, also those that are void * in C.
  private static final MethodHandle NEW =
      function("haft_new", JAVA_INT, layouts(JAVA_LONG, JAVA_LONG, ADDRESS), CRITICAL_ON_HEAP);
  private static final MethodHandle NEW_AT =
      function("haft_new_at", JAVA_INT, layouts(JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS, JAVA_INT));
  private static final MethodHandle DELETE = function("haft_delete", JAVA_INT, WORD_TYPE, CRITICAL);
  private static final MethodHandle DELETE_ANY = function("haft_delete", JAVA_INT, WORD_TYPE);
  private static final MethodHandle DELETE_AT =
      function(
          "haft_table_delete_at",
          JAVA_INT,
          layouts(JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_INT));
  private static final MethodHandle DELETE_AND_WAIT =
      function("haft_delete_and_wait", JAVA_INT, layouts(JAVA_LONG, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle VALUE =
      function("haft_value", JAVA_INT, layouts(JAVA_LONG, JAVA_LONG, ADDRESS));
  private static final MethodHandle CHECK = function("haft_check", JAVA_INT, layouts(JAVA_LONG));
  private static final MethodHandle PIN =
      function("haft_pin_object", JAVA_INT, layouts(JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS));
  private static final MethodHandle UNPIN = function("haft_unpin", null, layouts(ADDRESS));
  private static final MethodHandle STRERROR =
      function("haft_strerror", ADDRESS, layouts(JAVA_INT));
  private static final MethodHandle PREPARE =
      function("haft_prepare", JAVA_INT, layouts(JAVA_LONG));
  private static final MethodHandle TRIM = function("haft_trim", JAVA_LONG, NONE);
  private static final MethodHandle STATS =
      function("haft_table_stats", JAVA_INT, layouts(JAVA_LONG, ADDRESS));
  private static final MethodHandle DESCRIBE =
      function("haft_describe", JAVA_LONG, layouts(JAVA_LONG, ADDRESS, JAVA_LONG));

  /**
   * The descriptor of the type of Java objects, which is never freed. It has no identity, because
   * another Java in the process does not find them.
   */
  private static final long TYPE = describeType("Java object");

  // The layout that haft/view.h describes: a slot has eight words, the third is the type and the
  // fourth the state.
  private static final VarHandle WORD = JAVA_LONG.varHandle();
  private static final int VIEW_ABI = 1;
  private static final long WATCHED = 1;
  private static final int SLOT_BITS = 6;
  private static final long TYPE_OF_OBJECT = 2 * Long.BYTES;
  private static final long STATE = 3 * Long.BYTES;
  private static final long VIEW_SIZE = 6 * Long.BYTES;
  private static final MemorySegment VIEW = view();
  private static final long MASK = VIEW.get(JAVA_LONG, 3 * Long.BYTES);

  /** How many slots the table has; 0 if look-ups must be calls. */
  static final int SLOTS = MASK == 0 ? 0 : (int) ((MASK >>> SLOT_BITS) + 1);

  private static final MemorySegment GATE =
      SLOTS == 0 ? VIEW : VIEW.get(ADDRESS, 8).reinterpret(Long.BYTES);
  private static final MemorySegment MEMORY =
      SLOTS == 0 ? VIEW : VIEW.get(ADDRESS, 16).reinterpret((long) SLOTS << SLOT_BITS);

  static {
    // This makes the first call, which may take milliseconds, before any critical one.
    final int status = prepare(0);
    if (status != 0)
      throw new UnsatisfiedLinkError("libhaft.so.0 cannot make its table: " + sentence(status));
  }

  private Native() {}

  private static SymbolLookup library() {
    final String name = "libhaft.so.0";
    try {
      // The name makes the linker find the one that the process has already.
      return SymbolLookup.libraryLookup(name, Arena.global());
    } catch (IllegalArgumentException notFound) {
      for (Path file : Loader.onLibraryPath(name))
        return SymbolLookup.libraryLookup(file, Arena.global());
      try {
        return Loader.unpacked(file -> SymbolLookup.libraryLookup(file, Arena.global()), name);
      } catch (IllegalArgumentException e) {
        throw (UnsatisfiedLinkError)
            new UnsatisfiedLinkError(
                    "the " + name + " of the jar cannot be loaded: " + e.getMessage())
                .initCause(e);
      }
    }
  }

  private static MemoryLayout[] layouts(MemoryLayout... layouts) {
    return layouts;
  }

  private static MethodHandle function(
      String name, MemoryLayout result, MemoryLayout[] parameters, Linker.Option... options) {
    final MemorySegment address =
        LIBRARY
            .find(name)
            .orElseThrow(() -> new UnsatisfiedLinkError("libhaft.so.0 has no function " + name));
    final FunctionDescriptor descriptor =
        result == null
            ? FunctionDescriptor.ofVoid(parameters)
            : FunctionDescriptor.of(result, parameters);
    return LINKER.downcallHandle(address, descriptor, options);
  }

  private static long describeType(String name) {
    final MemorySegment type = Arena.global().allocate(40, Long.BYTES);
    type.set(ADDRESS, 0, Arena.global().allocateFrom(name));
    return type.address();
  }

  private static MemorySegment view() {
    final MemorySegment view = Arena.global().allocate(VIEW_SIZE, Long.BYTES);
    if (Boolean.getBoolean("haft.noview")) return view;
    try {
      final MethodHandle call =
          function("haft_table_view", JAVA_INT, layouts(JAVA_LONG, JAVA_INT, ADDRESS));
      // If the library has another interface, the view stays empty.
      final int status = (int) call.invokeExact(0L, VIEW_ABI, view);
      return status == 0 ? view : view.fill((byte) 0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Calls of C throw nothing. Anything that comes here is an error of the virtual machine. */
  private static Error unexpected(Throwable e) {
    if (e instanceof RuntimeException exception) throw exception;
    return e instanceof Error error ? error : new AssertionError(e);
  }

  /** Returns whether only ordinary calls will do. */
  private static boolean isWatched() {
    return SLOTS == 0 || (long) WORD.getOpaque(GATE, 0L) == WATCHED;
  }

  /** Returns whether {@code word} is live. If it returns false, only a call knows. */
  static boolean isLive(long word) {
    // Acquire: sees what was written before the handle was made.
    return !isWatched() && (long) WORD.getAcquire(MEMORY, distance(word) + STATE) == word;
  }

  /**
   * Returns whether {@code word} is live and its object has the descriptor {@code type}. If it
   * returns false, only a call knows.
   */
  static boolean isLive(long word, long type) {
    // The word that is read between two reads of the same handle is of that handle. Acquire: in
    // this order.
    return isLive(word)
        && (long) WORD.getAcquire(MEMORY, distance(word) + TYPE_OF_OBJECT) == type
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
    if (isWatched()) return createAt();
    final long[] word = new long[1];
    final int status;
    try {
      status = (int) NEW.invokeExact(0L, TYPE, MemorySegment.ofArray(word));
    } catch (Throwable e) {
      throw unexpected(e);
    }
    return status == 0 ? word[0] : -(long) status;
  }

  private static long createAt() {
    final StackTraceElement caller = caller();
    try (Arena arena = Arena.ofConfined()) {
      final MemorySegment word = arena.allocate(JAVA_LONG);
      final MemorySegment file = arena.allocateFrom(JAVA_BYTE, Haft.bytes(caller.getFileName()));
      final int status = (int) NEW_AT.invokeExact(0L, TYPE, word, file, caller.getLineNumber());
      return status == 0 ? word.get(JAVA_LONG, 0) : -(long) status;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Returns where the handle is made or deleted, if diagnostics ask for it. */
  private static StackTraceElement caller() {
    return SLOTS != 0 && isWatched() ? Haft.caller() : Haft.NO_CALLER;
  }

  /** Deletes a handle of a Java object. */
  static int delete(long word) {
    try {
      return isLive(word) ? (int) DELETE.invokeExact(word, TYPE) : deleteAt(word);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static int deleteAt(long word) throws Throwable {
    final StackTraceElement caller = caller();
    try (Arena arena = Arena.ofConfined()) {
      final MemorySegment file = arena.allocateFrom(JAVA_BYTE, Haft.bytes(caller.getFileName()));
      return (int) DELETE_AT.invokeExact(0L, word, TYPE, file, caller.getLineNumber());
    }
  }

  /** Returns HAFT_OK if {@code word} is a live handle of a Java object. */
  static int value(long word) {
    return valueAny(word, TYPE);
  }

  /**
   * Returns HAFT_OK if {@code word} is a live handle of an object of {@code type}; 0 for any type.
   */
  static int valueAny(long word, long type) {
    try (Arena arena = Arena.ofConfined()) {
      return (int) VALUE.invokeExact(word, type, arena.allocate(ADDRESS));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int check(long word) {
    try {
      return (int) CHECK.invokeExact(word);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Deletes a handle of any object, whose destructor may call Java. */
  static int deleteAny(long word, long type) {
    try {
      return (int) DELETE_ANY.invokeExact(word, type);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int deleteAndWait(long word, long type, long nanoseconds) {
    try {
      return (int) DELETE_AND_WAIT.invokeExact(word, type, nanoseconds);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Pins. Writes the four words of the pin and the address of the object. */
  static int pin(long word, long type, long[] pin) {
    try (Arena arena = Arena.ofConfined()) {
      final MemorySegment words = arena.allocate(JAVA_LONG, 5);
      final int status = (int) PIN.invokeExact(word, type, words, words.asSlice(32));
      if (status == 0) MemorySegment.copy(words, JAVA_LONG, 0, pin, 0, 5);
      return status;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static void unpin(long word0, long word1, long word2, long word3) {
    try (Arena arena = Arena.ofConfined()) {
      UNPIN.invokeExact(arena.allocateFrom(JAVA_LONG, word0, word1, word2, word3));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int version() {
    try {
      return (int) VERSION.invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static String sentence(int status) {
    try {
      return ((MemorySegment) STRERROR.invokeExact(status))
          .reinterpret(Integer.MAX_VALUE)
          .getString(0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int prepare(long expected) {
    try {
      return (int) PREPARE.invokeExact(expected);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static long trim() {
    try {
      return (long) TRIM.invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int stats(long[] figures) {
    try (Arena arena = Arena.ofConfined()) {
      final MemorySegment stats = arena.allocate(JAVA_LONG, figures.length);
      final int status = (int) STATS.invokeExact(0L, stats);
      MemorySegment.copy(stats, JAVA_LONG, 0, figures, 0, figures.length);
      return status;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static String describe(long word) {
    long size = 1024;
    while (true) {
      try (Arena arena = Arena.ofConfined()) {
        final MemorySegment text = arena.allocate(size);
        final long length = (long) DESCRIBE.invokeExact(word, text, size);
        if (length < size)
          return new String(text.asSlice(0, length).toArray(JAVA_BYTE), StandardCharsets.UTF_8);
        size = length + 1;
      } catch (Throwable e) {
        throw unexpected(e);
      }
    }
  }
}
