package edgernn.@NAME@;

import androidx.annotation.NonNull;
import edgernn.@NAME@.EdgernnException.Reason;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Words in a stream of samples, at the model's rate, as soon as they are certain. */
public final class Recognizer extends Listener<Word> {
  private static final float MOST_WORTH = 1000.0f;
  private static final int MOST_HOT = 65535;

  private final List<String> labels;
  private final double wordMs;

  /** As a rule of thumb the defaults do. */
  public static final class Options {
    private int beam = 4;
    private double endMs;
    private final Map<String, Float> hotWords = new LinkedHashMap<>();

    /** Readings that are followed. */
    @NonNull
    public Options beam(int readings) {
      beam = readings;
      return this;
    }

    /** Without a word for so long an utterance ends; 0: by finish alone. */
    @NonNull
    public Options endMs(double time) {
      endMs = time;
      return this;
    }

    /** A phrase of the vocabulary that is expected; each word scores so many nats higher. */
    @NonNull
    public Options hotWord(@NonNull String phrase, float worth) {
      hotWords.put(phrase, worth);
      return this;
    }
  }

  public Recognizer(@NonNull Model model) {
    this(model, new Options());
  }

  public Recognizer(@NonNull Model model, @NonNull Options options) {
    super(model, "recognizer");
    int beam = options.beam;
    double endMs = options.endMs;
    if (beam < 1 || beam > Native.recognizerMostBeam() || !(endMs >= 0 && endMs < 1e9)) {
      throw new EdgernnException(
          Reason.BAD_ARGUMENT,
          name + ": beam " + beam + " and endMs " + endMs + ", need a beam of 1 to "
              + Native.recognizerMostBeam() + " and a time of 0 to 1e9 ms");
    }
    List<ByteBuffer> phrases = phrases(options.hotWords, model.getLabels());
    int hot = phrases.isEmpty() ? 0 : 1;
    for (ByteBuffer each : phrases) {
      hot += each.capacity() / Short.BYTES;
    }
    if (hot > MOST_HOT) {
      throw new EdgernnException(
          Reason.BAD_ARGUMENT, name + ": hot words of " + hot + " words, at most " + MOST_HOT);
    }
    labels = model.getLabels();
    wordMs = Native.recognizerWordMs(this.model);
    ByteBuffer memory = take(Native.recognizerBytes(this.model, beam, hot));
    int ends = (int) Math.ceil(endMs / wordMs);
    opened(Native.recognizerOpen(at(), this.model, beam, ends, hot), "export the model again");
    int next = 0;
    for (float worth : options.hotWords.values()) {
      ByteBuffer phrase = phrases.get(next++);
      Native.recognizerExpect(at(), phrase, phrase.capacity() / Short.BYTES, worth);
    }
    listen(memory);
  }

  /** Of each phrase its labels, 16 bits each. */
  private List<ByteBuffer> phrases(Map<String, Float> hotWords, List<String> labels) {
    List<ByteBuffer> found = new ArrayList<>();
    for (Map.Entry<String, Float> each : hotWords.entrySet()) {
      String[] words = each.getKey().trim().split("\\s+");
      float worth = each.getValue();
      if (words[0].isEmpty() || !(worth > 0 && worth <= MOST_WORTH)) {
        throw new EdgernnException(
            Reason.BAD_ARGUMENT,
            name + ": hot words '" + each.getKey() + "' worth " + worth
                + ", need words, worth above 0 and at most " + MOST_WORTH);
      }
      ByteBuffer phrase = Native.direct(words.length * Short.BYTES);
      for (String word : words) {
        int label = labels.indexOf(word);
        if (label < 1) { // 0 is the blank
          throw new EdgernnException(
              Reason.BAD_ARGUMENT,
              name + ": hot words '" + each.getKey() + "': " + word
                  + " is not in the vocabulary, see Model.getLabels");
        }
        phrase.putShort((short) label);
      }
      found.add(phrase);
    }
    return found;
  }

  /** The rest of the utterance; the next word begins another. */
  @NonNull
  public synchronized List<Word> finish() {
    int count = Native.recognizerFinish(at());
    outbox();
    return read(count);
  }

  /** What may have been said since the last certain word, the likeliest first. */
  @NonNull
  public synchronized List<Reading> readings() {
    int count = Native.recognizerReadings(at());
    List<Reading> all = new ArrayList<>();
    ByteBuffer from = outbox();
    for (; count > 0; --count) {
      float score = from.getFloat();
      all.add(new Reading(read(from.getInt()), score));
    }
    return all;
  }

  @Override
  int pushed() {
    return Native.recognizerPush(at());
  }

  @Override
  Word read(ByteBuffer from) {
    String text = labels.get(from.getInt());
    double timeMs = (from.getInt() + 1L) * wordMs;
    int utterance = from.getInt();
    return new Word(text, timeMs, from.getFloat(), utterance);
  }
}
