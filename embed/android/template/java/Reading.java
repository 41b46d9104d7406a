package edgernn.@NAME@;

import androidx.annotation.NonNull;
import java.util.Collections;
import java.util.List;

/** What may have been said since the last certain word. */
public final class Reading {
  private final List<Word> words;
  private final float score;

  Reading(List<Word> words, float score) {
    this.words = Collections.unmodifiableList(words);
    this.score = score;
  }

  @NonNull
  public List<Word> getWords() {
    return words;
  }

  /** Its probability among the readings that are followed. */
  public float getScore() {
    return score;
  }
}
