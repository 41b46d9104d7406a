@IMPORTS@
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;

/**
 * As hears.c and types.c: save or restore, INPUT, STATE, COUNT; `refused` tells why a state is not
 * taken, and whether the loop is as it was.
 */
public final class GoesOn {
  static final PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false, java.nio.charset.StandardCharsets.UTF_8);

  static ByteBuffer read(String path) throws Exception {
    return ByteBuffer.wrap(Files.readAllBytes(Paths.get(path))).order(ByteOrder.LITTLE_ENDIAN);
  }

  public static void main(String[] args) throws Exception {
    Path state = Paths.get(args[2]);
    if (args[0].equals("refused")) {
      refused(Files.readAllBytes(state));
    } else {
      run(args[0].equals("save"), args[1], state, Integer.parseInt(args[3]));
    }
    out.flush();
  }

  static void refused(byte[] state) {
    @LOOP@ loop = new @LOOP@(Model.open());
    loop.push(@GIVEN@);
    byte[] before = loop.save();
    try {
      loop.restore(state);
    } catch (EdgernnException cause) {
      out.println(cause.getReason() + " " + Arrays.equals(before, loop.save()));
    }
  }

@RUN@
}
