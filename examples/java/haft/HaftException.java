package haft;

/** A call that was refused, with the status of haft.h that gives the reason. */
public class HaftException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int status;

  public HaftException(int status, String message) {
    super(message);
    this.status = status;
  }

  public final int status() {
    return status;
  }
}
