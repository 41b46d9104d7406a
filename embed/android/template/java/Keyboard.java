package edgernn.@NAME@;

import androidx.annotation.NonNull;
import edgernn.@NAME@.EdgernnException.Reason;
import java.nio.ByteBuffer;

/** Keystrokes in, the text as it is read, completions and corrections out. The text is the app's. */
public final class Keyboard extends Loop {
  private static final int MOST_OF_FEW = 16;
  private static final int MOST_BACK = 1024;
  private static final int MOST_OWN = 65534;
  private static final int BEFORE = 64; // characters of the app's text that matter, and more

  private final ByteBuffer outbox;
  private final ByteBuffer text;
  private int saving = MOST_BACK; // of the keystrokes that can be taken back

  /** As a rule of thumb the defaults do. */
  public static final class Options {
    private int beam = 4;
    private int suggestions = 3;
    private int back = 64;
    private int ownWords = 100;
    private boolean capitals = true;
    private float margin = 6.0f;

    /** Readings that are followed, 1 to 16. */
    @NonNull
    public Options beam(int readings) {
      beam = readings;
      return this;
    }

    /** Completions, 1 to 16. */
    @NonNull
    public Options suggestions(int count) {
      suggestions = count;
      return this;
    }

    /** Keystrokes that can be taken back one by one, 1 to 1024; each takes memory. */
    @NonNull
    public Options back(int keystrokes) {
      back = keystrokes;
      return this;
    }

    /** Words of the user's there is room for. */
    @NonNull
    public Options ownWords(int count) {
      ownWords = count;
      return this;
    }

    /** Whether the first word of a sentence is given a capital. */
    @NonNull
    public Options capitals(boolean given) {
      capitals = given;
      return this;
    }

    /** Nats below the likeliest from which on a reading is not followed; 0: all are. */
    @NonNull
    public Options margin(float nats) {
      margin = nats;
      return this;
    }

    private void check(String name) {
      boolean fits = beam >= 1 && beam <= MOST_OF_FEW && suggestions >= 1
          && suggestions <= MOST_OF_FEW && back >= 1 && back <= MOST_BACK && ownWords >= 0
          && ownWords <= MOST_OWN && margin >= 0;
      if (!fits) {
        throw new EdgernnException(
            Reason.BAD_ARGUMENT,
            name + ": beam " + beam + ", suggestions " + suggestions + ", back " + back
                + ", ownWords " + ownWords + ", margin " + margin + "; need 1 to 16, 1 to 16, 1 to "
                + MOST_BACK + ", 0 to " + MOST_OWN + ", and 0 or above");
      }
    }
  }

  public Keyboard(@NonNull Model model) {
    this(model, new Options());
  }

  public Keyboard(@NonNull Model model, @NonNull Options options) {
    super(model, "keyboard");
    options.check(name);
    ByteBuffer memory = take(Native.keyboardBytes(
        this.model, options.beam, options.suggestions, options.back, options.ownWords));
    int error = Native.keyboardOpen(
        at(), this.model, options.beam, options.suggestions, options.back, options.ownWords,
        options.capitals, options.margin);
    opened(error, "ask for fewer readings, keystrokes or own words");
    int told = Native.keyboardOutbox(at());
    int from = Native.keyboardText(at());
    outbox = Native.slice(memory, told, from - told);
    text = Native.slice(memory, from, Native.keyboardTextRoom());
  }

  /** An empty text; the user's words stay. */
  @NonNull
  public synchronized Shown begin() {
    return shown(Native.keyboardBegin(at()));
  }

  /** A keystroke whose touch is not known. A line feed ends a sentence. */
  @NonNull
  public Shown push(int codePoint) {
    return push(codePoint, 0.0f, 0.0f);
  }

  /** A keystroke, and where the touch was from the centre of its key, in key widths. */
  @NonNull
  public synchronized Shown push(int codePoint, float dx, float dy) {
    return shown(Native.keyboardPush(at(), codePoint, dx, dy));
  }

  /** Take the last keystroke back. before: the app's text, or its last 64 characters. */
  @NonNull
  public synchronized Shown back(@NonNull String before) {
    at();
    int length = before.codePointCount(0, before.length());
    int from = before.offsetByCodePoints(0, Math.max(0, length - BEFORE));
    put(before.substring(from));
    return shown(Native.keyboardBack(at()));
  }

  /**
   * Take the last correction back, and keep its words as typed: they are not corrected again. What
   * came since is typed anew; without a correction nothing changes.
   */
  @NonNull
  public synchronized Shown undo() {
    return shown(Native.keyboardUndo(at()));
  }

  /** Put this word in the place of the open one, and a space behind it. */
  @NonNull
  public synchronized Shown accept(@NonNull String word) {
    at();
    put(word);
    int bytes = Native.keyboardAccept(at());
    if (bytes < 0) {
      throw refused(word, "is no word: it is empty, has spaces, or more than 128 bytes");
    }
    return shown(bytes);
  }

  /** A word of the user's own, worth so many nats more than a listed one, 1 as a rule. */
  public synchronized void add(@NonNull String word, float worth) {
    at();
    put(word);
    if (!PortArray.fits(worth)) {
      throw refused(word, "cannot be worth " + worth);
    }
    if (Native.keyboardAdd(at(), worth) != 0) {
      throw refused(word, "was added before, is not 1 to 32 letters, or Options.ownWords are full");
    }
  }

  /** Do not correct this word again, whatever its case. */
  public synchronized void keep(@NonNull String word) {
    at();
    put(word);
    if (Native.keyboardKeep(at()) != 0) {
      throw refused(word, "finds no room: Options.ownWords are full");
    }
  }

  /**
   * Go on from what was saved, whose text is the app's; what does not fit changes nothing. The
   * user's words are those of then.
   */
  @NonNull
  public synchronized Shown restore(@NonNull byte[] saved) {
    restored(saved);
    return shown(Native.keyboardShown(at()));
  }

  /** With so many at most of the keystrokes that can be taken back, which take most of the bytes. */
  @NonNull
  public synchronized byte[] save(int back) {
    if (back < 0) {
      throw new EdgernnException(
          Reason.BAD_ARGUMENT, name + ": back " + back + ", need a count of keystrokes");
    }
    saving = back;
    try {
      return save();
    } finally {
      saving = MOST_BACK;
    }
  }

  @Override
  int savedBytes() {
    return Native.keyboardSavedBytes(at(), saving);
  }

  @Override
  int saveInto(ByteBuffer saved, int bytes) {
    return Native.keyboardSave(at(), model, saving, saved, bytes);
  }

  @Override
  int restoreFrom(ByteBuffer saved, int bytes) {
    return Native.keyboardRestore(at(), model, saved, bytes);
  }

  private Shown shown(int bytes) {
    outbox.clear();
    outbox.limit(bytes);
    return new Shown(outbox);
  }

  private void put(String word) {
    byte[] bytes = word.getBytes(Native.UTF_8);
    if (bytes.length >= text.capacity() || word.indexOf('\0') >= 0) {
      throw refused(word, "has a zero in it, or more than " + (text.capacity() - 1) + " bytes");
    }
    text.clear();
    text.put(bytes);
    text.put((byte) 0);
  }

  private EdgernnException refused(String word, String why) {
    return new EdgernnException(Reason.BAD_ARGUMENT, name + ": '" + word + "' " + why);
  }
}
