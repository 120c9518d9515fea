package haft;

/** The object was closed, by this thread or by another. */
public final class StaleHandleException extends HaftException {
  private static final long serialVersionUID = 1;

  public StaleHandleException(int status, String message) {
    super(status, message);
  }
}
