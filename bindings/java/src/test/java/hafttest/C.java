package hafttest;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** C code that gets handles of Java and gives it handles of its own: test_jni.c. */
final class C {
  static {
    System.loadLibrary("hafttest");
  }

  /** The handles that the refusal callback was told. */
  static final List<Long> REFUSED = Collections.synchronizedList(new ArrayList<>());

  private C() {}

  static native long newCounter(long value);

  static native long counters();

  static native long read(long address);

  static native long counterType();

  static native long otherType();

  static native int check(long word);

  static native int delete(long word);

  static native int deleteOnThread(long word);

  static native int pin(long word);

  static native void unpin();

  static native String statusName(int status);

  static native String sentence(int status);

  static native int headerVersion();

  static native boolean open(String library);

  static native int listen();

  @SuppressWarnings("unused") // called by C
  private static void refused(long word, int status) {
    REFUSED.add(word);
    System.gc();
  }
}
