package haft;

/** The handle is live, and its object is of another type than the one that was asked for. */
public final class WrongTypeException extends HaftException {
  private static final long serialVersionUID = 2;

  WrongTypeException(Status status, long word, String description) {
    super(status, word, description);
  }
}
