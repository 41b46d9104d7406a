import edgernn.@NAME@.Detection;
import edgernn.@NAME@.EdgernnException;
import edgernn.@NAME@.Model;
import edgernn.@NAME@.Spotter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Keywords in a file of floats, pushed in pieces of odd sizes; then what a spotter refuses. */
public final class Hear {
  public static void main(String[] args) throws Exception {
    byte[] raw = Files.readAllBytes(Paths.get(args[0]));
    float[] samples = new float[raw.length / 4];
    ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(samples);
    short[] shorts = new short[samples.length];
    for (int i = 0; i < samples.length; ++i) shorts[i] = (short) (samples[i] * 32768);
    Spotter spotter = new Spotter(Model.open());
    List<Detection> found = new ArrayList<>();
    for (int at = 0, piece = 1; at < samples.length; at += piece, piece = piece * 7 % 4999 + 1) {
      int end = Math.min(at + piece, samples.length);
      found.addAll(spotter.push(Arrays.copyOfRange(samples, at, end)));
    }
    for (Detection each : found) {
      System.out.printf("%s %.2f %.6f%n", each.getLabel(), each.getTimeMs() / 1000, each.getScore());
    }
    spotter.reset();
    System.out.println("shorts|" + spotter.push(shorts, shorts.length).toString().equals(found.toString()));
    spotter.reset();
    float[] wrong = samples.clone();
    wrong[wrong.length - 1] = Float.NaN;
    try {
      spotter.push(wrong);
    } catch (EdgernnException cause) {
      System.out.println(cause.getReason() + "|" + cause.getMessage());
    }
    System.out.println("untouched|" + spotter.push(samples).toString().equals(found.toString()));
    try {
      spotter.setThreshold(Float.NaN);
    } catch (EdgernnException cause) {
      System.out.println(cause.getReason() + "|" + cause.getMessage());
    }
    if (args.length > 1) {
      try {
        new Spotter(Model.open(new java.io.File(args[1])));
      } catch (EdgernnException cause) {
        System.out.println(cause.getReason() + "|" + cause.getMessage());
      }
    }
    spotter.close();
    spotter.close();
    try {
      spotter.push(samples);
    } catch (EdgernnException cause) {
      System.out.println(cause.getReason() + "|" + cause.getMessage());
    }
  }
}
