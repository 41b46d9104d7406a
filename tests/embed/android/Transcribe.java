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
    Recognizer recognizer = new Recognizer(Model.open(), 4, 0);
    List<Word> found = new ArrayList<>();
    int readings = 0;
    for (int at = 0, piece = 1; at < samples.length; at += piece, piece = piece * 7 % 4999 + 1) {
      int end = Math.min(at + piece, samples.length);
      found.addAll(recognizer.push(Arrays.copyOfRange(samples, at, end)));
      readings = Math.max(readings, recognizer.readings().size());
    }
    found.addAll(recognizer.finish());
    for (Word each : found) {
      System.out.printf("%s %.2f %.4f%n", each.getText(), each.getTimeMs() / 1000, each.getScore());
    }
    System.out.println("readings|" + readings);
    try {
      new Recognizer(Model.open(), 99, 0);
    } catch (EdgernnException cause) {
      System.out.println(cause.getReason() + "|" + cause.getMessage());
    }
    recognizer.close();
    try {
      recognizer.finish();
    } catch (EdgernnException cause) {
      System.out.println(cause.getReason() + "|" + cause.getMessage());
    }
  }
}
