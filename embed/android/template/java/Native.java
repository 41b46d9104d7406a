package edgernn.@NAME@;

import edgernn.@NAME@.EdgernnException.Reason;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.Charset;

/**
 * The C behind the classes. Addresses travel as long, all else in direct buffers that both sides
 * know. Whoever calls holds the objects whose memory and library are meant.
 */
final class Native {
  static final Charset UTF_8 = Charset.forName("UTF-8");
  private static final int ALIGN = 16;
  private static final int MESSAGE_BYTES = 1024;
  private static final String LIBRARY = "edgernn_@NAME@";
  private static boolean loaded;

  private Native() {}

  static native long packaged();

  static native long load(ByteBuffer path);

  static native int fault(ByteBuffer text, int room);

  static native void unload(long library);

  static native long model(long library);

  static native int describe(long model, ByteBuffer memory);

  static native int machine();

  static native long address(ByteBuffer buffer);

  static native int message(int error, ByteBuffer text, int room);

  static native int streamBytes(long model, int step);

  static native int streamOpen(long at, long model, int step);

  static native int streamPort(long at, int output, int port);

  static native int streamStep(long at);

  static native int streamReset(long at);

  static native int streamSavedBytes(long at);

  static native int streamSave(long at, ByteBuffer saved, int bytes);

  static native int streamRestore(long at, ByteBuffer saved, int bytes);
@LOOP_NATIVES@
  /** Before any other. */
  static synchronized void ready() {
    if (loaded) {
      return;
    }
    try {
      System.loadLibrary(LIBRARY);
    } catch (UnsatisfiedLinkError cause) {
      throw new EdgernnException(
          Reason.BAD_MODEL,
          "the system cannot load lib" + LIBRARY + ".so for " + System.getProperty("os.arch")
              + ": " + cause.getMessage() + "; the package has it for @ABIS@",
          cause);
    }
    loaded = true;
  }

  static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  /** Memory whose first byte is 16-aligned. */
  static ByteBuffer aligned(int bytes) {
    ByteBuffer whole = direct(bytes + ALIGN - 1);
    int past = (int) (address(whole) & (ALIGN - 1));
    return slice(whole, past == 0 ? 0 : ALIGN - past, bytes);
  }

  static ByteBuffer slice(ByteBuffer buffer, int from, int bytes) {
    ByteBuffer part = buffer.duplicate();
    part.position(from);
    part.limit(from + bytes);
    return part.slice().order(ByteOrder.nativeOrder());
  }

  /** A direct copy, up to a zero. */
  static ByteBuffer text(String text) {
    byte[] bytes = text.getBytes(UTF_8);
    ByteBuffer made = direct(bytes.length + 1);
    made.put(bytes);
    return made;
  }

  /** As outbox.h puts it; null for none. */
  static String text(ByteBuffer from) {
    int bytes = from.getInt();
    return bytes < 0 ? null : text(from, bytes);
  }

  private static String text(ByteBuffer from, int bytes) {
    byte[] read = new byte[bytes];
    from.get(read);
    return new String(read, UTF_8);
  }

  /** Why the system refused the last library. */
  static String fault() {
    ByteBuffer told = direct(MESSAGE_BYTES);
    return text(told, fault(told, MESSAGE_BYTES));
  }

  /** An error of stream.h, and where it was met. */
  static EdgernnException error(int error, String where, String mend) {
    Reason[] reasons = {
      Reason.BAD_ARGUMENT, Reason.BAD_ARGUMENT, Reason.BAD_INPUT, Reason.BAD_STATE,
      Reason.OTHER_MODEL, Reason.OTHER_VERSION, Reason.CLOSED, Reason.BAD_ARGUMENT,
      Reason.OTHER_OPTIONS,
    };
    ByteBuffer told = direct(MESSAGE_BYTES);
    String what = text(told, message(error, told, MESSAGE_BYTES));
    return new EdgernnException(reasons[-error], where + ": " + what + "; " + mend);
  }
}
