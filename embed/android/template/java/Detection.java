package edgernn.@NAME@;

import androidx.annotation.NonNull;
import java.util.Locale;

/** A keyword that was heard. */
public final class Detection {
  private final String label;
  private final double timeMs;
  private final float score;

  Detection(String label, double timeMs, float score) {
    this.label = label;
    this.timeMs = timeMs;
    this.score = score;
  }

  @NonNull
  public String getLabel() {
    return label;
  }

  /** Where in the stream the frame ends that decided. */
  public double getTimeMs() {
    return timeMs;
  }

  /** Its probability, averaged over the last frames. */
  public float getScore() {
    return score;
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "%s at %.0f ms (%.2f)", label, timeMs, score);
  }
}
