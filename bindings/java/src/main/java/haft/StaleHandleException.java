package haft;

/** The handle has been deleted, by this thread or another, by Java or by C. */
public final class StaleHandleException extends HaftException {
  private static final long serialVersionUID = 2;

  StaleHandleException(Status status, long word, String description) {
    super(status, word, description);
  }
}
