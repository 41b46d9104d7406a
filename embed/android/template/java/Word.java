package edgernn.@NAME@;

import androidx.annotation.NonNull;

/** A word that was heard. */
public final class Word {
  private final String text;
  private final double timeMs;
  private final float score;
  private final int utterance;

  Word(String text, double timeMs, float score, int utterance) {
    this.text = text;
    this.timeMs = timeMs;
    this.score = score;
    this.utterance = utterance;
  }

  @NonNull
  public String getText() {
    return text;
  }

  /** Where in the stream its frame ends. */
  public double getTimeMs() {
    return timeMs;
  }

  /** Its probability there. */
  public float getScore() {
    return score;
  }

  /** How many had ended before its own. */
  public int getUtterance() {
    return utterance;
  }

  @Override
  public String toString() {
    return text;
  }
}
