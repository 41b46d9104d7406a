import edgernn.@NAME@.EdgernnException;
import edgernn.@NAME@.Model;
import edgernn.@NAME@.Recognizer;
import edgernn.@NAME@.Word;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Words in a file of floats, pushed in pieces of odd sizes; then what a recogniser refuses. */
public final class Transcribe {
  public static void main(String[] args) throws Exception {
    byte[] raw = Files.readAllBytes(Paths.get(args[0]));
    float[] samples = new float[raw.length / 4];
    ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(samples);
    Recognizer.Options options = new Recognizer.Options().beam(4).endMs(800);
    if (args.length > 1) options.hotWord(args[1], 2.0f).hotWord(args[2], 0.5f);
    Recognizer recognizer = new Recognizer(Model.open(), options);
    List<Word> found = new ArrayList<>();
    int readings = 0;
    for (int at = 0, piece = 1; at < samples.length; at += piece, piece = piece * 7 % 4999 + 1) {
      int end = Math.min(at + piece, samples.length);
      found.addAll(recognizer.push(Arrays.copyOfRange(samples, at, end)));
      readings = Math.max(readings, recognizer.readings().size());
    }
    found.addAll(recognizer.finish());
    for (Word each : found) {
      int bits = Float.floatToIntBits(each.getScore());
      System.out.println(each.getText() + " " + each.getTimeMs() + " " + bits);
    }
    System.out.println("readings|" + readings);
    told(() -> new Recognizer(Model.open(), new Recognizer.Options().beam(99)));
    told(() -> new Recognizer(Model.open(), new Recognizer.Options().hotWord("NONSENSE", 1.0f)));
    told(() -> new Recognizer(Model.open(), new Recognizer.Options().hotWord(" ", 1.0f)));
    recognizer.close();
    told(recognizer::finish);
  }

  static void told(Runnable act) {
    try {
      act.run();
    } catch (EdgernnException cause) {
      System.out.println(cause.getReason() + "|" + cause.getMessage());
    }
  }
}
