package haft;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds the shared libraries: where the system and {@code java.library.path} have them, or else in
 * the jar.
 */
final class Loader {
  private Loader() {}

  /** Returns the file {@code name} in each folder of {@code java.library.path} that has it. */
  static List<Path> onLibraryPath(String name) {
    final List<Path> found = new ArrayList<>();
    for (String folder :
        System.getProperty("java.library.path", "").split(File.pathSeparator, -1)) {
      if (folder.isEmpty()) continue;
      final Path file = Path.of(folder, name).toAbsolutePath();
      if (Files.isRegularFile(file)) found.add(file);
    }
    return found;
  }

  /**
   * Copies libraries of the jar to a folder of their own, gives {@code use} the last one, and
   * removes the folder. The linker keeps what it has loaded.
   *
   * @throws UnsatisfiedLinkError if the jar does not have them for this machine
   */
  static <T> T unpacked(java.util.function.Function<Path, T> use, String... names) {
    final List<Path> made = new ArrayList<>();
    try {
      try {
        final Path folder = Files.createTempDirectory("haft");
        made.add(0, folder);
        Path file = null;
        for (String name : names) {
          final String inJar = "native/" + platform() + "/" + name;
          try (InputStream stream = Loader.class.getResourceAsStream(inJar)) {
            if (stream == null)
              throw new UnsatisfiedLinkError(
                  name + " is not on java.library.path, and not in the jar as " + inJar);
            file = folder.resolve(name);
            made.add(0, file);
            Files.copy(stream, file);
          }
        }
        return use.apply(file);
      } finally {
        for (Path each : made) Files.deleteIfExists(each);
      }
    } catch (IOException e) {
      throw (UnsatisfiedLinkError)
          new UnsatisfiedLinkError("the libraries in the jar cannot be unpacked: " + e)
              .initCause(e);
    }
  }

  /** Returns the name of the machine's folder in the jar, such as linux-x86_64. */
  static String platform() {
    final String machine = System.getProperty("os.arch");
    return System.getProperty("os.name").toLowerCase(java.util.Locale.ROOT)
        + "-"
        + (machine.equals("amd64") ? "x86_64" : machine);
  }

  /**
   * Throws unless this jar works with the library that is loaded.
   *
   * @throws UnsatisfiedLinkError if the library has another major version or, before 1.0.0, another
   *     minor version, or is older
   */
  static void checkVersion(int loaded) {
    final int unit = loaded < 10000 ? 100 : 10000;
    if (loaded / unit != Haft.VERSION / unit || loaded < Haft.VERSION) {
      throw new UnsatisfiedLinkError(
          "libhaft.so.0 is version "
              + Haft.versionName(loaded)
              + ", and this jar is for "
              + Haft.versionName(Haft.VERSION));
    }
  }
}
