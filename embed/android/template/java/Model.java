package edgernn.@NAME@;

import androidx.annotation.NonNull;
import edgernn.@NAME@.EdgernnException.Reason;
import java.io.File;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/**
 * A model. Streams that were opened of it go on after it is closed. Every method may be called on
 * any thread.
 */
public final class Model implements AutoCloseable {
  private static final int ID_BYTES = 16;

  private final long at;
  private final Library library; // null: the one of the package; held so that it stays loaded
  private final String name;
  private final String version;
  private final String kind;
  private final String id;
  private final int sampleRate;
  private final List<String> labels;
  private final List<Step> steps;
  private volatile boolean closed;

  private Model(long at, Library library) {
    this.at = at;
    this.library = library;
    ByteBuffer from = Native.direct(Native.describe(at, null));
    Native.describe(at, from);
    name = Native.text(from);
    version = Native.text(from);
    kind = Native.text(from);
    StringBuilder hex = new StringBuilder();
    for (int i = 0; i < ID_BYTES; ++i) {
      hex.append(String.format(Locale.ROOT, "%02x", from.get()));
    }
    id = hex.toString();
    sampleRate = from.getInt();
    List<String> texts = new ArrayList<>();
    for (int left = from.getInt(); left > 0; --left) {
      texts.add(Native.text(from));
    }
    labels = Collections.unmodifiableList(texts);
    List<Step> found = new ArrayList<>();
    int count = from.getInt();
    for (int i = 0; i < count; ++i) {
      found.add(new Step(i, Native.text(from), from.getDouble(), ports(from), ports(from)));
    }
    steps = Collections.unmodifiableList(found);
  }

  private static List<Port> ports(ByteBuffer from) {
    List<Port> found = new ArrayList<>();
    for (int left = from.getInt(); left > 0; --left) {
      String name = Native.text(from);
      String type = Native.text(from);
      int itemBytes = from.getInt();
      int[] shape = new int[from.getInt()];
      for (int axis = 0; axis < shape.length; ++axis) {
        shape[axis] = from.getInt();
      }
      found.add(new Port(name, type, itemBytes, shape));
    }
    return found;
  }

  /** The model of this package. */
  @NonNull
  public static Model open() {
    Native.ready();
    return new Model(Native.packaged(), null);
  }

  /**
   * The model in a file, such as models/ABI/NAME.model beside the package. The file may be replaced
   * at any time: models and streams that are open stay with what they were opened of.
   */
  @NonNull
  public static Model open(@NonNull File file) {
    Native.ready();
    Library library = Library.load(file);
    return new Model(library.model, library);
  }

  @NonNull
  public String getName() {
    return name;
  }

  /** Of edgernn, which made it. */
  @NonNull
  public String getVersion() {
    return version;
  }

  /** spotter, recognizer or keyboard, or "" where there are steps alone. */
  @NonNull
  public String getKind() {
    return kind;
  }

  /** The same for the same weights in the same number type. */
  @NonNull
  public String getId() {
    return id;
  }

  /** In Hz; 0 for a model that hears nothing. */
  public int getSampleRate() {
    return sampleRate;
  }

  @NonNull
  public List<String> getLabels() {
    return labels;
  }

  @NonNull
  public List<Step> getSteps() {
    return steps;
  }

  /** A stream over the first step, at its initial state. */
  @NonNull
  public Stream stream() {
    return new Stream(this, steps.get(0));
  }

  /** A stream over a step, at its initial state. */
  @NonNull
  public Stream stream(@NonNull String step) {
    List<String> known = new ArrayList<>();
    for (Step each : steps) {
      if (each.getName().equals(step)) {
        return new Stream(this, each);
      }
      known.add(each.getName());
    }
    throw new EdgernnException(
        Reason.BAD_ARGUMENT, name + ": has no step " + step + ", only " + known);
  }

  /** No stream can be opened of it any more. To close it twice does no harm. */
  @Override
  public void close() {
    closed = true;
  }

  /** Where the C has it. */
  long at() {
    if (closed) {
      throw new EdgernnException(
          Reason.CLOSED, name + ": the model is closed; open it again with Model.open");
    }
    return at;
  }

  Library library() {
    return library;
  }

  /** Of the loop that ties its steps. */
  long at(String wanted) {
    if (!kind.equals(wanted)) {
      throw new EdgernnException(
          Reason.BAD_ARGUMENT,
          name + ": is no " + wanted + " but " + (kind.isEmpty() ? "steps alone" : "a " + kind)
              + "; open a stream of it with Model.stream");
    }
    return at();
  }
}
