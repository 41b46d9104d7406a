package edgernn.@NAME@;

import androidx.annotation.NonNull;
import androidx.annotation.Nullable;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What an app shows after a keystroke. */
public final class Shown {
  private final int erased;
  private final String put;
  private final String typing;
  private final List<Guess> completions;
  private final List<Guess> readings;
  private final Revision revision;

  /** Words that stood in the text before the last run, and what stands there now. */
  public static final class Revision {
    private final String before;
    private final String after;

    Revision(String before, String after) {
      this.before = before;
      this.after = after;
    }

    @NonNull
    public String getBefore() {
      return before;
    }

    @NonNull
    public String getAfter() {
      return after;
    }
  }

  Shown(ByteBuffer from) {
    erased = from.getInt();
    put = Native.text(from);
    typing = Native.text(from);
    completions = guesses(from);
    readings = guesses(from);
    String before = Native.text(from);
    String after = Native.text(from);
    revision = before == null ? null : new Revision(before, after);
  }

  private static List<Guess> guesses(ByteBuffer from) {
    List<Guess> found = new ArrayList<>();
    for (int left = from.getInt(); left > 0; --left) {
      found.add(new Guess(Native.text(from), from.getFloat()));
    }
    return Collections.unmodifiableList(found);
  }

  /** Code points to take off the end of the text, before `put` is put there. */
  public int getErased() {
    return erased;
  }

  @NonNull
  public String getPut() {
    return put;
  }

  /** What stands at the end of the text behind the last space and is not settled. */
  @NonNull
  public String getTyping() {
    return typing;
  }

  /** Words that it may become, or behind a word what may follow, the likeliest first. */
  @NonNull
  public List<Guess> getCompletions() {
    return completions;
  }

  /** Behind a word the likeliest ways to read it. */
  @NonNull
  public List<Guess> getReadings() {
    return readings;
  }

  /** Null if nothing changed before the last run. */
  @Nullable
  public Revision getRevision() {
    return revision;
  }

  /** The text of an app that keeps it whole. */
  @NonNull
  public String applyTo(@NonNull String text) {
    return text.substring(0, text.offsetByCodePoints(text.length(), -erased)) + put;
  }
}
