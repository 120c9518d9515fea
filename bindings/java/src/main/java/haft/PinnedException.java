package haft;

/** The object is pinned, so its handle was not deleted. */
public final class PinnedException extends HaftException {
  private static final long serialVersionUID = 2;

  PinnedException(Status status, long word, String description) {
    super(status, word, description);
  }
}
