package edgernn.@NAME@;

import androidx.annotation.NonNull;
import edgernn.@NAME@.EdgernnException.Reason;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Words in a stream of samples, at the model's rate, as soon as they are certain. */
public final class Recognizer implements AutoCloseable {
  private static final float MOST_WORTH = 1000.0f;
  private static final int MOST_HOT = 65535;

  private final List<String> labels;
  private final String name;
  private final double wordMs;
  private final Blocks blocks;
  private final ByteBuffer outbox;
  private final List<Word> found = new ArrayList<>();
  private Library library; // held so that it stays loaded
  private ByteBuffer memory; // of the C, at `at`
  private long at; // 0: closed

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
    long its = model.at("recognizer");
    name = model.getName();
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
    library = model.library();
    labels = model.getLabels();
    wordMs = Native.recognizerWordMs(its);
    memory = Native.aligned(Native.recognizerBytes(its, beam, hot));
    at = Native.address(memory);
    int error = Native.recognizerOpen(at, its, beam, (int) Math.ceil(endMs / wordMs), hot);
    if (error != 0) {
      throw Native.error(error, name, "export the model again");
    }
    int next = 0;
    for (float worth : options.hotWords.values()) {
      ByteBuffer phrase = phrases.get(next++);
      Native.recognizerExpect(at, phrase, phrase.capacity() / Short.BYTES, worth);
    }
    int samples = Native.recognizerSamples(at);
    int words = Native.recognizerOutbox(at);
    int blockBytes = Native.recognizerBlock(its) * Float.BYTES;
    outbox = Native.slice(memory, words, samples - words);
    blocks = new Blocks(
        name, Native.slice(memory, samples, blockBytes).asFloatBuffer(), this::heard);
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

  /** Any number of samples in [-1, 1); words that have become certain by them. */
  @NonNull
  public List<Word> push(@NonNull float[] samples) {
    return push(samples, samples.length);
  }

  /** The first `count` of them. */
  @NonNull
  public synchronized List<Word> push(@NonNull float[] samples, int count) {
    check();
    blocks.push(samples, count);
    return taken();
  }

  /** The first `count` 16-bit samples, as AudioRecord reads them. */
  @NonNull
  public synchronized List<Word> push(@NonNull short[] samples, int count) {
    check();
    blocks.push(samples, count);
    return taken();
  }

  /** The rest of the utterance; the next word begins another. */
  @NonNull
  public synchronized List<Word> finish() {
    check();
    take(Native.recognizerFinish(at));
    return taken();
  }

  /** What may have been said since the last certain word, the likeliest first. */
  @NonNull
  public synchronized List<Reading> readings() {
    check();
    int count = Native.recognizerReadings(at);
    List<Reading> all = new ArrayList<>();
    outbox.clear();
    for (; count > 0; --count) {
      float score = outbox.getFloat();
      all.add(new Reading(words(outbox.getInt()), score));
    }
    return all;
  }

  /** Back to the state before the first sample. */
  public synchronized void reset() {
    check();
    blocks.clear();
    Native.recognizerReset(at);
  }

  /** To close it twice does no harm. */
  @Override
  public synchronized void close() {
    at = 0;
    memory = null;
    library = null;
  }

  private void heard() {
    take(Native.recognizerPush(at));
  }

  private void take(int count) {
    outbox.clear();
    found.addAll(words(count));
  }

  private List<Word> words(int count) {
    List<Word> words = new ArrayList<>();
    for (; count > 0; --count) {
      String text = labels.get(outbox.getInt());
      double timeMs = (outbox.getInt() + 1L) * wordMs;
      int utterance = outbox.getInt();
      words.add(new Word(text, timeMs, outbox.getFloat(), utterance));
    }
    return words;
  }

  private List<Word> taken() {
    List<Word> words = new ArrayList<>(found);
    found.clear();
    return words;
  }

  private void check() {
    if (at == 0) {
      throw new EdgernnException(
          Reason.CLOSED, name + ": the recognizer is closed; make another of the model");
    }
  }
}
