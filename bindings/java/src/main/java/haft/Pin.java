package haft;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A pin of an object of C or C++: until it is closed the object exists, even if its handle is
 * deleted meanwhile.
 *
 * <pre>{@code
 * try (Pin pin = Pin.of(word, type)) {
 *   library.draw(pin.address()); // nobody destroys it now
 * } // if it was deleted meanwhile, it is destroyed here
 * }</pre>
 *
 * <p>A pin that is never closed keeps its object for ever. The pin of a Java object has the address
 * 0 and does not keep the object, because {@link Handle#get} does.
 */
public final class Pin implements AutoCloseable {
  private static final VarHandle OPEN;

  static {
    try {
      OPEN = MethodHandles.lookup().findVarHandle(Pin.class, "open", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final long word;
  private final long word0;
  private final long word1;
  private final long word2;
  private final long word3;
  private final long address;
  private volatile boolean open = true;

  private Pin(long word, long[] pin) {
    this.word = word;
    word0 = pin[0];
    word1 = pin[1];
    word2 = pin[2];
    word3 = pin[3];
    address = pin[4];
  }

  /**
   * Pins an object.
   *
   * @param word the word of a handle of an object of C or C++
   * @param type the address of the {@code haft_type} that the object must be of; 0 for any type
   * @return the pin
   * @throws HaftException if the word is refused, or there is no room for the pin
   */
  public static Pin of(long word, long type) {
    final long[] pin = new long[5];
    HaftException.check(Native.pin(word, type, pin), word);
    return new Pin(word, pin);
  }

  /**
   * Returns the address of the object. It must not be used after the pin is closed.
   *
   * @return the pointer that C gave to {@code haft_new}
   * @throws IllegalStateException if the pin is closed
   */
  public long address() {
    if (!open)
      throw new IllegalStateException("the pin of 0x" + Long.toHexString(word) + " is closed");
    return address;
  }

  /**
   * Ends the pin. If the object was deleted and this is its last pin, it is destroyed here. Any
   * thread may do it, and often.
   */
  @Override
  public void close() {
    if ((boolean) OPEN.getAndSet(this, false)) Native.unpin(word0, word1, word2, word3);
  }
}
