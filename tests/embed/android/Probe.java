import edgernn.@NAME@.EdgernnException;
import edgernn.@NAME@.Model;
import edgernn.@NAME@.Port;
import edgernn.@NAME@.Step;
import edgernn.@NAME@.Stream;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What every package offers, told on standard output: one line, or one file, for each question. */
public final class Probe {
  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "about": about(Model.open()); break;
      case "golden": golden(opened(args[1]), args[2], args[3], args[4]); break;
      case "save": save(args[1], args[2], Integer.parseInt(args[3])); break;
      case "restore": restore(args[1], args[2], Integer.parseInt(args[3]), args[4]); break;
      case "refused": refused(); break;
      case "files": files(args); break;
      case "threads": threads(args[1]); break;
      case "update": update(args[1], args[2]); break;
      case "forgotten": forgotten(args[1]); break;
      default: throw new AssertionError(args[0]);
    }
  }

  static Model opened(String path) {
    return path.equals("-") ? Model.open() : Model.open(new File(path));
  }

  static void about(Model model) {
    System.out.println(model.getName() + "|" + model.getKind() + "|" + model.getId() + "|"
        + model.getVersion() + "|" + model.getSampleRate() + "|" + model.getLabels().size());
    for (Step step : model.getSteps()) {
      System.out.print(step.getName() + "|" + step.getFrameMs());
      for (List<Port> ports : Arrays.asList(step.getInputs(), step.getOutputs())) {
        for (Port port : ports) {
          System.out.print("|" + port.getName() + " " + port.getType() + " "
              + Arrays.toString(port.getShape()));
        }
      }
      System.out.println();
    }
  }

  /** All frames of a file through a step of one input and one output, into another file. */
  static void golden(Model model, String step, String in, String out) throws IOException {
    try (Stream stream = model.stream(step)) {
      model.close(); // a stream outlives it
      Files.write(Paths.get(out), run(stream, Files.readAllBytes(Paths.get(in))));
    }
  }

  static byte[] run(Stream stream, byte[] frames) {
    Port input = stream.getStep().getInputs().get(0);
    Port output = stream.getStep().getOutputs().get(0);
    int width = input.getType().equals("int64") ? 8 : 4;
    int count = frames.length / (input.getCount() * width);
    ByteBuffer from = ByteBuffer.wrap(frames).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer to = ByteBuffer.allocate(count * output.getCount() * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; ++i) {
      float[] y = new float[output.getCount()];
      if (width == 8) {
        long[] x = new long[input.getCount()];
        for (int k = 0; k < x.length; ++k) x[k] = from.getLong();
        stream.step(new Object[] {x}, new Object[] {y});
      } else {
        float[] x = new float[input.getCount()];
        for (int k = 0; k < x.length; ++k) x[k] = from.getFloat();
        if (i % 2 == 0) stream.step(x, y); else stream.step(new Object[] {x}, new Object[] {y});
      }
      for (float each : y) to.putFloat(each);
    }
    return to.array();
  }

  /** The state after some frames of the file. */
  static void save(String in, String saved, int frames) throws IOException {
    Stream stream = Model.open().stream();
    int bytes = frames * stream.getStep().getInputs().get(0).getCount() * 4;
    run(stream, Arrays.copyOf(Files.readAllBytes(Paths.get(in)), bytes));
    Files.write(Paths.get(saved), stream.save());
  }

  /** What comes out behind a saved state. */
  static void restore(String in, String saved, int frames, String out) throws IOException {
    Stream stream = Model.open().stream();
    int bytes = frames * stream.getStep().getInputs().get(0).getCount() * 4;
    byte[] all = Files.readAllBytes(Paths.get(in));
    stream.restore(Files.readAllBytes(Paths.get(saved)));
    Files.write(Paths.get(out), run(stream, Arrays.copyOfRange(all, bytes, all.length)));
  }

  interface Act {
    void run() throws Exception;
  }

  static void told(String name, Act act) throws Exception {
    try {
      act.run();
      System.out.println(name + "|no error");
    } catch (EdgernnException cause) {
      System.out.println(name + "|" + cause.getReason() + "|" + cause.getMessage());
    }
  }

  static void refused() throws Exception {
    Model model = Model.open();
    Stream stream = model.stream();
    float[] x = new float[stream.getStep().getInputs().get(0).getCount()];
    float[] y = new float[stream.getStep().getOutputs().get(0).getCount()];
    Arrays.fill(x, 0.25f);
    stream.step(x, y);
    byte[] before = stream.save();
    float[] wrong = x.clone();
    wrong[7] = Float.NaN;
    told("nan", () -> stream.step(wrong, y));
    wrong[7] = Float.NEGATIVE_INFINITY;
    told("infinity", () -> stream.step(wrong));
    wrong[7] = 2e9f;
    told("huge", () -> stream.step(wrong, y));
    stream.input(0).putFloat(0, Float.NaN);
    told("nan in place", stream::step);
    stream.input(0).asFloatBuffer().put(x);
    float[] twin = model.stream().step(x);
    Stream placed = model.stream();
    placed.input(0).asFloatBuffer().put(x);
    placed.step();
    System.out.println("in place|" + (placed.output(0).getFloat() == twin[0]));
    placed.close();
    placed.output(0).putFloat(0, 1.0f); // Java's memory, which outlives the stream
    told("in place closed", placed::step);
    told("short", () -> stream.step(new float[x.length - 1], y));
    told("output", () -> stream.step(x, new float[1]));
    told("type", () -> stream.step(new Object[] {new double[x.length]}, new Object[] {y}));
    told("null", () -> stream.step(new Object[] {null}, new Object[] {y}));
    told("count", () -> stream.step(new Object[] {}, new Object[] {y}));
    told("step", () -> model.stream("nothing"));
    byte[] flipped = before.clone();
    flipped[60] ^= 1;
    told("damaged", () -> stream.restore(flipped));
    told("cut", () -> stream.restore(Arrays.copyOf(before, before.length - 1)));
    told("empty", () -> stream.restore(new byte[0]));
    byte[] other = before.clone();
    other[16] ^= 1;
    told("other model", () -> stream.restore(other));
    byte[] newer = before.clone();
    newer[8] = 9;
    told("other version", () -> stream.restore(newer));
    System.out.println("untouched|" + Arrays.equals(before, stream.save()));
    stream.reset();
    System.out.println("reset|" + Arrays.equals(model.stream().save(), stream.save()));
    stream.close();
    stream.close();
    told("step closed", () -> stream.step(x, y));
    told("reset closed", stream::reset);
    told("save closed", stream::save);
    told("restore closed", () -> stream.restore(before));
    model.close();
    model.close();
    told("stream of closed", model::stream);
  }

  /** What becomes of each file, in a machine that goes on. */
  static void files(String[] args) throws Exception {
    for (int i = 1; i < args.length; ++i) {
      File file = new File(args[i]);
      told(file.getName(), () -> Model.open(file));
    }
    System.out.println("lives|" + Model.open().stream().step(new float[320]).length);
  }

  /** Two streams on two threads, each with frames of its own; then both threads on one stream. */
  static void threads(String in) throws Exception {
    Model model = Model.open();
    byte[] frames = Files.readAllBytes(Paths.get(in));
    int frame = model.getSteps().get(0).getInputs().get(0).getCount() * 4;
    List<byte[]> given =
        Arrays.asList(frames, Arrays.copyOfRange(frames, frame, frames.length));
    List<byte[]> alone = new ArrayList<>();
    for (byte[] each : given) alone.add(run(model.stream(), each));
    boolean[] same = new boolean[2];
    Thread[] both = new Thread[2];
    for (int i = 0; i < 2; ++i) {
      int own = i;
      both[i] = new Thread(() -> {
        boolean equal = true;
        for (int k = 0; k < 10; ++k) {
          equal &= Arrays.equals(run(model.stream(), given.get(own)), alone.get(own));
        }
        same[own] = equal;
      });
      both[i].start();
    }
    for (Thread each : both) each.join();
    System.out.println("two streams|" + (same[0] && same[1]));
    Stream shared = model.stream();
    int[] closed = new int[2];
    for (int i = 0; i < 2; ++i) {
      int own = i;
      both[i] = new Thread(() -> {
        try {
          for (int k = 0; k < 100000; ++k) run(shared, Arrays.copyOf(frames, frame));
        } catch (EdgernnException cause) {
          closed[own] = cause.getReason() == EdgernnException.Reason.CLOSED ? 1 : 0;
        }
      });
      both[i].start();
    }
    Thread.sleep(50);
    shared.close(); // in the middle of their steps
    for (Thread each : both) each.join();
    System.out.println("closed under them|" + (closed[0] + closed[1]));
  }

  /** A file that is replaced, and overwritten where it lies, while a stream of it runs. */
  static void update(String live, String next) throws Exception {
    float[] x = new float[320];
    for (int i = 0; i < x.length; ++i) x[i] = (float) Math.sin(i);
    Model old = Model.open(new File(live));
    Stream first = old.stream();
    Stream same = Model.open(new File(live)).stream();
    System.out.println("before|" + Arrays.equals(first.step(x), same.step(x)));
    byte[] data = Files.readAllBytes(Paths.get(next));
    Files.write(Paths.get(live), new byte[data.length]); // in place: what was mapped would be zeros
    old.close();
    System.gc();
    Stream packaged = Model.open().stream();
    packaged.step(x);
    System.out.println("overwritten|" + Arrays.equals(first.step(x), packaged.step(x)));
    Files.move(Paths.get(next), Paths.get(live), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    Model renewed = Model.open(new File(live));
    System.out.println("renewed|" + renewed.getName() + "|" + old.getName());
    System.out.println("goes on|" + Arrays.equals(first.step(x), packaged.step(x)));
  }

  static int mapped() throws IOException {
    int count = 0;
    for (String line : Files.readAllLines(Paths.get("/proc/self/maps"))) {
      if (line.contains("edgernn") && line.contains("(deleted)") && line.contains("r-xp")) ++count;
    }
    return count;
  }

  /** Libraries that nothing refers to are unloaded; one that a stream refers to is not. */
  static void forgotten(String path) throws Exception {
    Stream kept = Model.open(new File(path)).stream();
    for (int i = 0; i < 40; ++i) {
      Stream stream = Model.open(new File(path)).stream(); // and none of them is closed
      stream.step(new float[320]);
      System.gc();
      Thread.sleep(5);
    }
    System.out.println("mapped|" + mapped());
    System.out.println("kept|" + kept.step(new float[320]).length);
  }
}
