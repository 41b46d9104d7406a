package edgernn.@NAME@;

import androidx.annotation.NonNull;
import edgernn.@NAME@.EdgernnException.Reason;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Words in a stream of samples, at the model's rate, as soon as they are certain. */
public final class Recognizer implements AutoCloseable {
  private static final int BEAM = 4;

  private final List<String> labels;
  private final String name;
  private final double wordMs;
  private final Blocks blocks;
  private final ByteBuffer outbox;
  private final List<Word> found = new ArrayList<>();
  private Library library; // held so that it stays loaded
  private ByteBuffer memory; // of the C, at `at`
  private long at; // 0: closed

  /** Four readings are followed, an utterance ends by finish. */
  public Recognizer(@NonNull Model model) {
    this(model, BEAM, 0);
  }

  /** beam: readings that are followed; endMs: of silence that ends an utterance, 0: none does. */
  public Recognizer(@NonNull Model model, int beam, double endMs) {
    long its = model.at("recognizer");
    name = model.getName();
    if (beam < 1 || beam > Native.recognizerMostBeam() || !(endMs >= 0 && endMs < 1e9)) {
      throw new EdgernnException(
          Reason.BAD_ARGUMENT,
          name + ": beam " + beam + " and endMs " + endMs + ", need a beam of 1 to "
              + Native.recognizerMostBeam() + " and a time of 0 to 1e9 ms");
    }
    library = model.library();
    labels = model.getLabels();
    wordMs = Native.recognizerWordMs(its);
    memory = Native.aligned(Native.recognizerBytes(its, beam));
    at = Native.address(memory);
    int error = Native.recognizerOpen(at, its, beam, (int) Math.ceil(endMs / wordMs));
    if (error != 0) {
      throw Native.error(error, name, "export the model again");
    }
    int samples = Native.recognizerSamples(at);
    int words = Native.recognizerOutbox(at);
    int blockBytes = Native.recognizerBlock(its) * Float.BYTES;
    outbox = Native.slice(memory, words, samples - words);
    blocks = new Blocks(
        name, Native.slice(memory, samples, blockBytes).asFloatBuffer(), this::heard);
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
