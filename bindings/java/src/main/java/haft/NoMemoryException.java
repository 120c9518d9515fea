package haft;

/** The system has no memory, or the table has no room for another pin. */
public final class NoMemoryException extends HaftException {
  private static final long serialVersionUID = 2;

  NoMemoryException(Status status, long word, String description) {
    super(status, word, description);
  }
}
