package haft;

/** The table has not issued the word: it is forged, or a handle of another table. */
public final class NeverIssuedException extends HaftException {
  private static final long serialVersionUID = 2;

  NeverIssuedException(Status status, long word, String description) {
    super(status, word, description);
  }
}
