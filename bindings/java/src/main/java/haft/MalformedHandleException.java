package haft;

/** No table issues such a word. */
public final class MalformedHandleException extends HaftException {
  private static final long serialVersionUID = 2;

  MalformedHandleException(Status status, long word, String description) {
    super(status, word, description);
  }
}
