package edgernn.@NAME@;

import androidx.annotation.NonNull;

/** What the model's classes refuse. The message says what, where, the numbers and the mend. */
public final class EdgernnException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Why, for programs that go on by it. */
  public enum Reason {
    /** An array of another length or type, or an option out of range. */
    BAD_ARGUMENT,
    /** A NaN, an infinity, or a number above 1e9; the state is untouched. */
    BAD_INPUT,
    /** A saved state that is damaged or cut short. */
    BAD_STATE,
    /** A saved state of another model, step or loop. */
    OTHER_MODEL,
    /** A saved state of a loop with other options. */
    OTHER_OPTIONS,
    /** A saved state, or a model file, of another version of edgernn. */
    OTHER_VERSION,
    /** A model file that cannot be read, is damaged, or is for another CPU. */
    BAD_MODEL,
    /** Used after close. */
    CLOSED
  }

  private final Reason reason;

  EdgernnException(Reason reason, String message) {
    this(reason, message, null);
  }

  EdgernnException(Reason reason, String message, Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  @NonNull
  public Reason getReason() {
    return reason;
  }
}
