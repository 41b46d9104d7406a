package edgernn.@NAME@;

import edgernn.@NAME@.EdgernnException.Reason;
import java.nio.FloatBuffer;

/** Samples of any number, cut into the blocks that a loop takes. */
final class Blocks {
  private static final float FULL_SCALE = 32768.0f;

  private final String name;
  private final FloatBuffer block;
  private final Runnable full;

  /** full: what to do with a block. */
  Blocks(String name, FloatBuffer block, Runnable full) {
    this.name = name;
    this.block = block;
    this.full = full;
  }

  /** Forget samples that fill no block yet. */
  void clear() {
    block.clear();
  }

  /** Samples that fill no block yet. */
  int waiting() {
    return block.position();
  }

  /** So many lie there. */
  void await(int samples) {
    block.clear();
    block.position(samples);
  }

  void push(float[] samples, int count) {
    check(samples.length, count);
    for (int i = 0; i < count; ++i) {
      if (!PortArray.fits(samples[i])) {
        throw new EdgernnException(
            Reason.BAD_INPUT,
            name + ": sample " + i + " is " + samples[i]
                + "; none of these was heard, give finite ones of at most 1e9");
      }
    }
    for (int at = 0; at < count; ) {
      int taken = Math.min(block.remaining(), count - at);
      block.put(samples, at, taken);
      at += taken;
      flush();
    }
  }

  void push(short[] samples, int count) {
    check(samples.length, count);
    for (int i = 0; i < count; ++i) {
      block.put(samples[i] / FULL_SCALE);
      flush();
    }
  }

  private void check(int length, int count) {
    if (count < 0 || count > length) {
      throw new EdgernnException(
          Reason.BAD_ARGUMENT, name + ": " + count + " samples of an array of " + length);
    }
  }

  private void flush() {
    if (!block.hasRemaining()) {
      block.clear();
      full.run();
    }
  }
}
