package edgernn.@NAME@;

import androidx.annotation.NonNull;
import edgernn.@NAME@.EdgernnException.Reason;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Keywords in a stream of samples, at the model's rate. */
public final class Spotter implements AutoCloseable {
  private final List<String> labels;
  private final String name;
  private final double frameMs;
  private final Blocks blocks;
  private final ByteBuffer outbox;
  private final List<Detection> found = new ArrayList<>();
  private Library library; // held so that it stays loaded
  private ByteBuffer memory; // of the C, at `at`
  private long at; // 0: closed
  private float threshold;

  public Spotter(@NonNull Model model) {
    long its = model.at("spotter");
    library = model.library();
    name = model.getName();
    labels = model.getLabels();
    frameMs = Native.spotterFrameMs(its);
    threshold = Native.spotterThreshold(its);
    memory = Native.aligned(Native.spotterBytes(its));
    at = Native.address(memory);
    int error = Native.spotterOpen(at, its);
    if (error != 0) {
      throw Native.error(error, name, "export the model again");
    }
    int samples = Native.spotterSamples(at);
    int blockBytes = Native.spotterBlock(its) * Float.BYTES;
    outbox = Native.slice(memory, Native.spotterOutbox(at), samples - Native.spotterOutbox(at));
    blocks = new Blocks(
        name, Native.slice(memory, samples, blockBytes).asFloatBuffer(), this::heard);
  }

  /** Any number of samples in [-1, 1); what was heard in them. */
  @NonNull
  public List<Detection> push(@NonNull float[] samples) {
    return push(samples, samples.length);
  }

  /** The first `count` of them. */
  @NonNull
  public synchronized List<Detection> push(@NonNull float[] samples, int count) {
    check();
    blocks.push(samples, count);
    return taken();
  }

  /** The first `count` 16-bit samples, as AudioRecord reads them. */
  @NonNull
  public synchronized List<Detection> push(@NonNull short[] samples, int count) {
    check();
    blocks.push(samples, count);
    return taken();
  }

  public synchronized float getThreshold() {
    return threshold;
  }

  /** The probability, averaged over some frames, from which on a word is told. */
  public synchronized void setThreshold(float probability) {
    check();
    if (!(probability > 0 && probability <= 1)) {
      throw new EdgernnException(
          Reason.BAD_ARGUMENT, name + ": threshold " + probability + ", needs one in (0, 1]");
    }
    threshold = probability;
    Native.spotterSetThreshold(at, probability);
  }

  /** Back to the state before the first sample. */
  public synchronized void reset() {
    check();
    blocks.clear();
    Native.spotterReset(at);
  }

  /** To close it twice does no harm. */
  @Override
  public synchronized void close() {
    at = 0;
    memory = null;
    library = null;
  }

  private void heard() {
    int count = Native.spotterPush(at);
    outbox.clear();
    for (; count > 0; --count) {
      String label = labels.get(outbox.getInt());
      double timeMs = (outbox.getInt() + 1L) * frameMs;
      found.add(new Detection(label, timeMs, outbox.getFloat()));
    }
  }

  private List<Detection> taken() {
    List<Detection> words = new ArrayList<>(found);
    found.clear();
    return words;
  }

  private void check() {
    if (at == 0) {
      throw new EdgernnException(
          Reason.CLOSED, name + ": the spotter is closed; make another of the model");
    }
  }
}
