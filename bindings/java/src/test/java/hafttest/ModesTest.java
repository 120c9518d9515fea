package hafttest;

import haft.Haft;
import haft.Handle;
import haft.StaleHandleException;
import haft.Status;
import haft.TableFullException;
import haft.WrongTypeException;
import java.io.File;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Tests that each need a process of their own. Usage: ModesTest NAME. */
final class ModesTest extends Tests {
  /**
   * With HAFT_CAPACITY=1000: a full table refuses, loses nothing, and goes on when there is room.
   */
  static void full() throws Exception {
    final List<Handle<Integer>> handles = new ArrayList<>();
    while (true) {
      final int number = handles.size();
      try {
        handles.add(new Handle<>(number));
      } catch (TableFullException e) {
        equal(e.status(), Status.FULL);
        equal(e.word(), 0L);
        break;
      }
    }
    check(handles.size() >= 1000 && handles.size() < 1_000_000, handles.size());
    equal(Haft.stats().live(), (long) handles.size());
    for (int i = 0; i < handles.size(); ++i) equal(handles.get(i).get(), i);
    handles.get(7).close();
    try (Handle<String> again = new Handle<>("again")) {
      equal(again.get(), "again");
    }
    for (Handle<Integer> each : handles) each.close();
    equal(Haft.stats().live(), 0L);
  }

  private static int lineOf(StackTraceElement[] trace) {
    return trace[1].getLineNumber();
  }

  private static int here() {
    return lineOf(new Throwable().getStackTrace());
  }

  /**
   * With HAFT_DIAGNOSE=sites: an exception says which lines of Java have made and deleted the
   * handle.
   */
  static void sites() throws Exception {
    final int made = here() + 1;
    final Handle<String> handle = new Handle<>("haft");
    equal(handle.get(), "haft");
    equal(Handle.objectOf(handle.word()), "haft");
    check(
        Haft.describe(handle.word()).contains("ModesTest.java:" + made),
        Haft.describe(handle.word()));
    final int deleted = here() + 1;
    handle.close();
    stale(handle.word(), handle::get);
    final String message = thrown(StaleHandleException.class, handle::get).getMessage();
    check(
        message.contains("Java object, created at ModesTest.java:" + made + " by thread "),
        message);
    check(message.contains("deleted at ModesTest.java:" + deleted + " by thread "), message);
    handle.close();
    final Handle<String> ofC = new Handle<>("haft");
    equal(C.delete(ofC.word()), 0);
    stale(ofC.word(), ofC::take);
    ofC.close();
  }

  /** A refusal callback that calls Java gets every refusal, in the middle of the call. */
  static void refusals() throws Exception {
    equal(C.listen(), 0);
    final Handle<String> handle = new Handle<>("haft");
    for (int i = 0; i < 20_000; ++i) equal(handle.get(), "haft");
    check(C.REFUSED.isEmpty(), "refused");
    equal(C.delete(handle.word()), 0);
    stale(handle.word(), handle::get);
    stale(handle.word(), () -> Handle.objectOf(handle.word()));
    stale(handle.word(), handle::take);
    handle.close();
    check(C.REFUSED.size() >= 4, C.REFUSED);
    for (long word : C.REFUSED) equal(word, handle.word());
  }

  /**
   * Classes of Haft are unloaded with their loader; another loader's refuse the handles that are
   * left.
   */
  static void unload() throws Exception {
    final long[] left = new long[1];
    collected(
        () -> {
          try {
            final ClassLoader loader = loader();
            left[0] = make(loader);
            return loader;
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        },
        () -> {});
    equal(C.check(left[0]), 0); // C still has it
    final ClassLoader loader = loader();
    final Method objectOf = loader.loadClass("haft.Handle").getMethod("objectOf", long.class);
    try {
      objectOf.invoke(null, left[0]);
      throw new AssertionError("not refused");
    } catch (java.lang.reflect.InvocationTargetException e) {
      equal(e.getCause().getClass().getName(), WrongTypeException.class.getName());
    }
    final long word = make(loader);
    equal(objectOf.invoke(null, word), "left");
    equal(C.delete(left[0]), 0);
    equal(C.delete(word), 0);
  }

  private static ClassLoader loader() throws Exception {
    final List<URL> parts = new ArrayList<>();
    for (String part : System.getProperty("java.class.path").split(File.pathSeparator, -1))
      parts.add(new File(part).toURI().toURL());
    return new URLClassLoader(parts.toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
  }

  private static long make(ClassLoader loader) throws Exception {
    final Class<?> type = loader.loadClass("haft.Handle");
    final Object handle = type.getConstructor(Object.class).newInstance("left");
    return (long) type.getMethod("word").invoke(handle);
  }

  /**
   * Two loaders at the same time each have their own handles. Only where nothing stands in for
   * JNI's one loader a library.
   */
  static void loaders() throws Exception {
    final ClassLoader other = loader();
    final long theirs = make(other);
    try (Handle<String> ours = new Handle<>("ours")) {
      equal(Handle.objectOf(ours.word()), "ours");
      refused(WrongTypeException.class, Status.WRONG_TYPE, theirs, () -> Handle.objectOf(theirs));
      equal(
          other.loadClass("haft.Handle").getMethod("objectOf", long.class).invoke(null, theirs),
          "left");
      final Object status =
          other.loadClass("haft.Haft").getMethod("check", long.class).invoke(null, ours.word());
      equal(status.toString(), "OK"); // one table
    }
  }

  /**
   * A description of any length is complete: here it names the file of another copy of the library,
   * under a long path.
   */
  static void copies() throws Exception {
    Path folder = Files.createTempDirectory("copies");
    for (int depth = 0; depth < 10; ++depth)
      folder = Files.createDirectory(folder.resolve("d".repeat(200)));
    final Path copy =
        Files.copy(Path.of(System.getProperty("copied")), folder.resolve("another.so"));
    check(C.open(copy.toString()), "not loaded");
    final String description = Haft.describe(2);
    check(description.length() > 2000 && description.contains(copy.toString()), description);
    equal(description.indexOf('\0'), -1);
  }

  /** With a libhaft of another version. */
  static void version() throws Exception {
    final String message =
        thrown(UnsatisfiedLinkError.class, () -> new Handle<>("haft")).getMessage();
    equal(
        message,
        "libhaft.so.0 is version " + System.getProperty("wrong") + ", and this jar is for 0.1.0");
  }

  /** Without any libhaft. */
  static void missing() throws Exception {
    final String message =
        thrown(UnsatisfiedLinkError.class, () -> new Handle<>("haft")).getMessage();
    check(message.contains("not on java.library.path, and not in the jar as native/"), message);
  }

  /** With a libhaft that is no library. */
  static void broken() throws Exception {
    final String message =
        thrown(UnsatisfiedLinkError.class, () -> new Handle<>("haft")).getMessage();
    check(message.contains("libhaft"), message);
  }

  /** Nothing crashes when the process ends while threads still use handles. */
  static void exit() throws Exception {
    final CompletableFuture<Void> started = new CompletableFuture<>();
    for (int i = 0; i < 3; ++i) {
      final Thread thread =
          new Thread(
              () -> {
                while (true) {
                  try (Handle<Object> handle = new Handle<>(started)) {
                    check(handle.get() == started, "another object");
                  }
                  started.complete(null);
                }
              });
      thread.setDaemon(true);
      thread.start();
    }
    started.get();
  }

  public static void main(String[] arguments) throws Exception {
    ModesTest.class.getDeclaredMethod(arguments[0]).invoke(null);
    System.out.println("1 passed");
  }
}
