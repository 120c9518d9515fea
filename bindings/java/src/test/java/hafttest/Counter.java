package hafttest;

import haft.NativeObject;
import haft.Pin;

/** A counter of test_jni.c. */
final class Counter extends NativeObject {
  Counter(long value) {
    this(C.newCounter(value), C.counterType());
  }

  Counter(long word, long type) {
    super(word, type);
  }

  long value() {
    try (Pin pin = pin()) {
      return C.read(pin.address());
    }
  }
}
