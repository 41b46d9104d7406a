package edgernn.@NAME@;

import androidx.annotation.NonNull;
import edgernn.@NAME@.EdgernnException.Reason;
import java.nio.ByteBuffer;
import java.util.List;

/** Keywords in a stream of samples, at the model's rate. */
public final class Spotter extends Listener<Detection> {
  private final List<String> labels;
  private final double frameMs;
  private float threshold;

  public Spotter(@NonNull Model model) {
    super(model, "spotter");
    labels = model.getLabels();
    frameMs = Native.spotterFrameMs(this.model);
    threshold = Native.spotterThreshold(this.model);
    ByteBuffer memory = take(Native.spotterBytes(this.model));
    opened(Native.spotterOpen(at(), this.model), "export the model again");
    listen(memory);
  }

  public synchronized float getThreshold() {
    return threshold;
  }

  /** The probability, averaged over some frames, from which on a word is told. */
  public synchronized void setThreshold(float probability) {
    at();
    if (!(probability > 0 && probability <= 1)) {
      throw new EdgernnException(
          Reason.BAD_ARGUMENT, name + ": threshold " + probability + ", needs one in (0, 1]");
    }
    threshold = probability;
    Native.spotterSetThreshold(at(), probability);
  }

  @Override
  int pushed() {
    return Native.spotterPush(at());
  }

  @Override
  Detection read(ByteBuffer from) {
    String label = labels.get(from.getInt());
    double timeMs = (from.getInt() + 1L) * frameMs;
    return new Detection(label, timeMs, from.getFloat());
  }
}
