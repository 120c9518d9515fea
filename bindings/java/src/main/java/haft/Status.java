package haft;

/**
 * The answer of a call of the table: the statuses of {@code haft.h}, under their names there
 * without {@code HAFT_}.
 */
public enum Status {
  /** The call has succeeded. */
  OK(0),
  /** The word is 0, the null handle. */
  NULL(1),
  /** No table issues such a word. */
  MALFORMED(2),
  /** This table has not issued the word: it is forged, or another table's. */
  NEVER_ISSUED(3),
  /** The handle has been deleted. */
  STALE(4),
  /** The handle is live, and its object is of another type. */
  WRONG_TYPE(5),
  /** The table has no room for another handle. */
  FULL(6),
  /** There is no memory, or no room for a pin. */
  OUT_OF_MEMORY(7),
  /** The object is pinned, so the handle was not deleted. */
  PINNED(8),
  /** The handle is deleted, and the object still pinned. */
  TIMED_OUT(9),
  /** An argument other than the handle is invalid. */
  INVALID(10),
  /** The handle is deleted, and the calling thread destroys the object later. */
  DEFERRED(11);

  private static final Status[] ALL = values();

  private final int code;

  Status(int code) {
    this.code = code;
  }

  /**
   * Returns the status that has the number {@code code} in C.
   *
   * @param code a {@code haft_status}
   * @return the status
   * @throws IllegalArgumentException if there is none
   */
  public static Status of(int code) {
    if (code < 0 || code >= ALL.length)
      throw new IllegalArgumentException("no haft_status is " + code);
    return ALL[code];
  }

  /**
   * Returns the number in C, which never changes.
   *
   * @return the {@code haft_status}
   */
  public int code() {
    return code;
  }

  /**
   * Returns the sentence of {@code haft_strerror}.
   *
   * @return what the status means
   */
  public String sentence() {
    return Native.sentence(code());
  }
}
