package edgernn.@NAME@;

import androidx.annotation.NonNull;

/** A word that may be meant. */
public final class Guess {
  private final String text;
  private final float share;

  Guess(String text, float share) {
    this.text = text;
    this.share = share;
  }

  @NonNull
  public String getText() {
    return text;
  }

  /** Its probability. */
  public float getShare() {
    return share;
  }

  @Override
  public String toString() {
    return text;
  }
}
