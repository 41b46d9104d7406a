package edgernn.@NAME@;

import androidx.annotation.NonNull;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** A loop that hears samples, at the model's rate, and tells of them. */
abstract class Listener<Told> extends Loop {
  private final List<Told> found = new ArrayList<>();
  private Blocks blocks;
  private ByteBuffer outbox;

  Listener(Model model, String kind) {
    super(model, kind);
  }

  /** In the memory the C tells what it heard, and takes a block of samples behind that. */
  final void listen(ByteBuffer memory) {
    int told = Native.listenerOutbox(at());
    int samples = Native.listenerSamples(at());
    outbox = Native.slice(memory, told, samples - told);
    int block = Native.listenerBlock(model);
    ByteBuffer whole = Native.slice(memory, samples, block * Float.BYTES);
    blocks = new Blocks(name, whole.asFloatBuffer(), this::hear);
  }

  /** The block that lies in the memory; how much was heard. */
  abstract int pushed();

  /** One thing that was heard. */
  abstract Told read(ByteBuffer from);

  final ByteBuffer outbox() {
    outbox.clear();
    return outbox;
  }

  final List<Told> read(int count) {
    List<Told> all = new ArrayList<>();
    for (; count > 0; --count) {
      all.add(read(outbox));
    }
    return all;
  }

  private void hear() {
    int count = pushed();
    outbox();
    found.addAll(read(count));
  }

  /** Any number of samples in [-1, 1); what was heard by now. */
  @NonNull
  public List<Told> push(@NonNull float[] samples) {
    return push(samples, samples.length);
  }

  /** The first `count` of them. */
  @NonNull
  public synchronized List<Told> push(@NonNull float[] samples, int count) {
    at();
    blocks.push(samples, count);
    return taken();
  }

  /** The first `count` 16-bit samples, as AudioRecord reads them. */
  @NonNull
  public synchronized List<Told> push(@NonNull short[] samples, int count) {
    at();
    blocks.push(samples, count);
    return taken();
  }

  private List<Told> taken() {
    List<Told> all = new ArrayList<>(found);
    found.clear();
    return all;
  }

  /** Back to the state before the first sample. */
  public synchronized void reset() {
    at();
    blocks.clear();
    Native.listenerReset(at());
  }

  /** Go on from what was saved. What does not fit changes nothing. */
  public synchronized void restore(@NonNull byte[] saved) {
    blocks.await(restored(saved));
  }

  @Override
  int savedBytes() {
    return Native.listenerSavedBytes(at());
  }

  @Override
  int saveInto(ByteBuffer saved, int bytes) {
    return Native.listenerSave(at(), model, blocks.waiting(), saved, bytes);
  }

  @Override
  int restoreFrom(ByteBuffer saved, int bytes) {
    return Native.listenerRestore(at(), model, saved, bytes);
  }
}
