package edgernn.@NAME@;

import androidx.annotation.NonNull;
import edgernn.@NAME@.EdgernnException.Reason;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.List;

/**
 * A live stream over one step. Streams on several threads do not disturb each other; calls of
 * several threads to one stream wait for each other.
 */
public final class Stream implements AutoCloseable {
  private final Step step;
  private final PortArray[] in;
  private final PortArray[] out;
  private final FloatBuffer onlyIn; // null where there are several ports, or others than float32
  private final FloatBuffer onlyOut;
  private Library library; // held so that it stays loaded
  private ByteBuffer memory; // of the C, at `at`
  private long at; // 0: closed

  Stream(Model model, Step step) {
    this.step = step;
    library = model.library();
    memory = Native.aligned(Native.streamBytes(model.at(), step.index));
    at = Native.address(memory);
    int error = Native.streamOpen(at, model.at(), step.index);
    if (error != 0) {
      throw Native.error(error, step.getName(), "export the model again");
    }
    in = arrays(step.getInputs(), 0);
    out = arrays(step.getOutputs(), 1);
    onlyIn = in.length == 1 && out.length == 1 ? in[0].floats() : null;
    onlyOut = in.length == 1 && out.length == 1 ? out[0].floats() : null;
  }

  private PortArray[] arrays(List<Port> ports, int output) {
    PortArray[] found = new PortArray[ports.size()];
    for (int i = 0; i < found.length; ++i) {
      Port port = ports.get(i);
      int from = Native.streamPort(at, output, i);
      String where = step.getName() + ": " + port.getName();
      found[i] = new PortArray(where, port, Native.slice(memory, from, port.bytes()));
    }
    return found;
  }

  @NonNull
  public Step getStep() {
    return step;
  }

  /** One step of a model that takes one array of floats and gives one. */
  public synchronized void step(@NonNull float[] input, @NonNull float[] output) {
    check();
    if (onlyIn == null || onlyOut == null) {
      step(new Object[] {input}, new Object[] {output});
      return;
    }
    if (input.length != onlyIn.capacity() || output.length != onlyOut.capacity()) {
      in[0].check(input);
      out[0].check(output);
    }
    onlyIn.clear();
    onlyIn.put(input);
    run();
    onlyOut.clear();
    onlyOut.get(output);
  }

  /** The same, into a new array. */
  @NonNull
  public float[] step(@NonNull float[] input) {
    float[] output = new float[step.getOutputs().get(0).getCount()];
    step(input, output);
    return output;
  }

  /** One step: an array of the port's type and length for each. */
  public synchronized void step(@NonNull Object[] inputs, @NonNull Object[] outputs) {
    check();
    if (inputs.length != in.length || outputs.length != out.length) {
      throw new EdgernnException(
          Reason.BAD_ARGUMENT,
          step.getName() + ": got " + inputs.length + " inputs and " + outputs.length
              + " outputs; it has " + in.length + " and " + out.length);
    }
    for (int i = 0; i < in.length; ++i) {
      in[i].check(inputs[i]);
    }
    for (int i = 0; i < out.length; ++i) {
      out[i].check(outputs[i]);
    }
    for (int i = 0; i < in.length; ++i) {
      in[i].put(inputs[i]);
    }
    run();
    for (int i = 0; i < out.length; ++i) {
      out[i].get(outputs[i]);
    }
  }

  /** The memory of an input: what is put there is what step() takes, without a copy. */
  @NonNull
  public ByteBuffer input(int port) {
    return in[port].view();
  }

  /** The memory of an output, which every step writes anew: large ones are read there. */
  @NonNull
  public ByteBuffer output(int port) {
    return out[port].view();
  }

  /** One step of what lies in the memory of the inputs, into that of the outputs. */
  public synchronized void step() {
    check();
    run();
  }

  private void run() {
    int error = Native.streamStep(at);
    if (error == 0) {
      return;
    }
    String where = step.getName();
    for (PortArray each : in) {
      where = each.where(where);
    }
    throw Native.error(error, where, "the state is as it was before");
  }

  /** Back to the initial state. */
  public synchronized void reset() {
    check();
    Native.streamReset(at);
  }

  /** The state, for a stream over the same step of the same model, in any language. */
  @NonNull
  public synchronized byte[] save() {
    check();
    int bytes = Native.streamSavedBytes(at);
    ByteBuffer saved = Native.direct(bytes);
    int error = Native.streamSave(at, saved, bytes);
    if (error != 0) {
      throw Native.error(error, step.getName(), "open another stream");
    }
    byte[] made = new byte[bytes];
    saved.get(made);
    return made;
  }

  /** Go on from a state that was saved. One that does not fit changes nothing. */
  public synchronized void restore(@NonNull byte[] saved) {
    check();
    ByteBuffer given = Native.direct(Math.max(saved.length, 1));
    given.put(saved);
    int error = Native.streamRestore(at, given, saved.length);
    if (error != 0) {
      String where = step.getName() + ": " + saved.length + " bytes, a state of this step has "
          + Native.streamSavedBytes(at);
      throw Native.error(error, where, "save it anew with this model");
    }
  }

  /** To close it twice does no harm. */
  @Override
  public synchronized void close() {
    at = 0;
    memory = null;
    library = null;
  }

  private void check() {
    if (at == 0) {
      throw new EdgernnException(
          Reason.CLOSED,
          step.getName() + ": the stream is closed; open another with Model.stream");
    }
  }
}
