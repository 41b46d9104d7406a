package edgernn.@NAME@;

import androidx.annotation.NonNull;
import edgernn.@NAME@.EdgernnException.Reason;
import java.nio.ByteBuffer;

/** What the loops around a model's steps share: their memory, its end, and what is saved of them. */
abstract class Loop implements AutoCloseable {
  final String name;
  final long model; // of the C
  private final String kind;
  private Library library; // held so that it stays loaded
  private ByteBuffer memory; // of the C, at `at`
  private long at; // 0: closed

  Loop(Model model, String kind) {
    this.model = model.at(kind);
    this.kind = kind;
    name = model.getName();
    library = model.library();
  }

  /** Memory for the C, to be opened there. */
  final ByteBuffer take(int bytes) {
    memory = Native.aligned(bytes);
    at = Native.address(memory);
    return memory;
  }

  final void opened(int error, String mend) {
    if (error != 0) {
      throw Native.error(error, name, mend);
    }
  }

  /** Where it lies, while it is open. */
  final long at() {
    if (at == 0) {
      throw new EdgernnException(
          Reason.CLOSED, name + ": the " + kind + " is closed; make another of the model");
    }
    return at;
  }

  abstract int savedBytes();

  abstract int saveInto(ByteBuffer saved, int bytes);

  /** A negative number for what is refused. */
  abstract int restoreFrom(ByteBuffer saved, int bytes);

  /** All that it holds, for another of the same model and options, in any language. */
  @NonNull
  public synchronized byte[] save() {
    at();
    int bytes = savedBytes();
    ByteBuffer saved = Native.direct(bytes);
    opened(saveInto(saved, bytes), "make another of the model");
    byte[] made = new byte[bytes];
    saved.get(made);
    return made;
  }

  final int restored(byte[] saved) {
    at();
    ByteBuffer given = Native.direct(Math.max(saved.length, 1));
    given.put(saved);
    int answer = restoreFrom(given, saved.length);
    if (answer < 0) {
      String where = name + ": " + kind + ", " + saved.length + " bytes";
      throw Native.error(answer, where, "save it anew with this model and these options");
    }
    return answer;
  }

  /** To close it twice does no harm. */
  @Override
  public synchronized void close() {
    at = 0;
    memory = null;
    library = null;
  }
}
