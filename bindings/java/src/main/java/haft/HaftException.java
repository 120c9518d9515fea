package haft;

/**
 * A call that was refused. It has changed nothing. Each reason has a subclass, so that a program
 * can catch {@link StaleHandleException} alone.
 */
public class HaftException extends RuntimeException {
  private static final long serialVersionUID = 2;

  /** The reason. */
  private final Status status;

  /** The refused word. */
  private final long word;

  /** The text of haft_describe. */
  private final String description;

  /**
   * Makes an exception about a word, for bindings of other libraries too.
   *
   * @param status the reason
   * @param word the refused word; 0 if the call has none
   * @param description what is known about the word; may be empty
   */
  protected HaftException(Status status, long word, String description) {
    super(description.isEmpty() ? status.sentence() : status.sentence() + ": " + description);
    this.status = status;
    this.word = word;
    this.description = description;
  }

  /**
   * Returns the exception for a status that a C function has returned for a word, with all that
   * diagnostics know about the word.
   *
   * @param status why the function has refused; not {@link Status#OK}
   * @param word the refused word; 0 if the function was given none
   * @return an exception of the class that belongs to the status
   * @throws IllegalArgumentException if the status is {@code OK}
   */
  public static HaftException of(Status status, long word) {
    final String description = word == 0 ? "" : Native.describe(word);
    switch (status) {
      case OK:
        throw new IllegalArgumentException("nothing was refused");
      case NULL:
        return new NullHandleException(status, word, description);
      case MALFORMED:
        return new MalformedHandleException(status, word, description);
      case NEVER_ISSUED:
        return new NeverIssuedException(status, word, description);
      case STALE:
        return new StaleHandleException(status, word, description);
      case WRONG_TYPE:
        return new WrongTypeException(status, word, description);
      case FULL:
        return new TableFullException(status, word, description);
      case OUT_OF_MEMORY:
        return new NoMemoryException(status, word, description);
      case PINNED:
        return new PinnedException(status, word, description);
      default:
        return new HaftException(status, word, description);
    }
  }

  /**
   * Throws the exception for a status that a C function has returned, unless it is {@code HAFT_OK}.
   *
   * @param status a {@code haft_status}
   * @param word the word that the function was given
   */
  public static void check(int status, long word) {
    if (status != 0) throw of(Status.of(status), word);
  }

  /**
   * Returns why the call was refused.
   *
   * @return the status, which is never {@code OK}
   */
  public final Status status() {
    return status;
  }

  /**
   * Returns the word that was refused.
   *
   * @return the word; 0 if the call has none
   */
  public final long word() {
    return word;
  }

  /**
   * Returns all that is known about the word: what its slot holds now and, if diagnostics record
   * it, where and by which thread its handle was created and deleted.
   *
   * @return the text of {@code haft_describe}; empty if the call has no word
   */
  public final String description() {
    return description;
  }
}
