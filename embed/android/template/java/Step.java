package edgernn.@NAME@;

import androidx.annotation.NonNull;
import java.util.Collections;
import java.util.List;

/** A step of the model: what a stream runs over and over. */
public final class Step {
  final int index;
  private final String name;
  private final double frameMs;
  private final List<Port> inputs;
  private final List<Port> outputs;

  Step(int index, String name, double frameMs, List<Port> inputs, List<Port> outputs) {
    this.index = index;
    this.name = name;
    this.frameMs = frameMs;
    this.inputs = Collections.unmodifiableList(inputs);
    this.outputs = Collections.unmodifiableList(outputs);
  }

  @NonNull
  public String getName() {
    return name;
  }

  /** Real time that one call covers. */
  public double getFrameMs() {
    return frameMs;
  }

  @NonNull
  public List<Port> getInputs() {
    return inputs;
  }

  @NonNull
  public List<Port> getOutputs() {
    return outputs;
  }
}
