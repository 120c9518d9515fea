package haft;

/** The word is 0, the null handle. */
public final class NullHandleException extends HaftException {
  private static final long serialVersionUID = 2;

  NullHandleException(Status status, long word, String description) {
    super(status, word, description);
  }
}
