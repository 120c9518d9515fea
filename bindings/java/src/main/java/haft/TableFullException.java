package haft;

/** The table has no room for another handle. */
public final class TableFullException extends HaftException {
  private static final long serialVersionUID = 2;

  TableFullException(Status status, long word, String description) {
    super(status, word, description);
  }
}
