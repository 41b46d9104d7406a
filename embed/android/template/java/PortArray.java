package edgernn.@NAME@;

import edgernn.@NAME@.EdgernnException.Reason;
import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/** The memory of a port, and Java's arrays that go in and out of it. */
final class PortArray {
  private static final float LARGEST = 1e9f;

  private final String name;
  private final Port port;
  private final Class<?> type;
  private final ByteBuffer memory;

  PortArray(String name, Port port, ByteBuffer memory) {
    this.name = name;
    this.port = port;
    this.memory = memory;
    type = arrayOf(port.getType());
  }

  private static Class<?> arrayOf(String type) {
    switch (type) {
      case "float32": return float[].class;
      case "int64": return long[].class;
      case "int32": return int[].class;
      case "int16": return short[].class;
      default: return byte[].class;
    }
  }

  /** Null if it holds others. */
  FloatBuffer floats() {
    return type == float[].class ? view().asFloatBuffer() : null;
  }

  void check(Object array) {
    if (array == null || array.getClass() != type) {
      String got = array == null ? "null" : array.getClass().getSimpleName();
      throw new EdgernnException(
          Reason.BAD_ARGUMENT, name + ": got " + got + ", needs a " + type.getSimpleName());
    }
    int length = Array.getLength(array);
    if (length != port.getCount()) {
      throw new EdgernnException(
          Reason.BAD_ARGUMENT,
          name + ": got " + length + " numbers, needs " + port.getCount());
    }
  }

  void put(Object array) {
    ByteBuffer to = view();
    if (array instanceof float[]) {
      to.asFloatBuffer().put((float[]) array);
    } else if (array instanceof long[]) {
      to.asLongBuffer().put((long[]) array);
    } else if (array instanceof int[]) {
      to.asIntBuffer().put((int[]) array);
    } else if (array instanceof short[]) {
      to.asShortBuffer().put((short[]) array);
    } else {
      to.put((byte[]) array);
    }
  }

  void get(Object array) {
    ByteBuffer from = view();
    if (array instanceof float[]) {
      from.asFloatBuffer().get((float[]) array);
    } else if (array instanceof long[]) {
      from.asLongBuffer().get((long[]) array);
    } else if (array instanceof int[]) {
      from.asIntBuffer().get((int[]) array);
    } else if (array instanceof short[]) {
      from.asShortBuffer().get((short[]) array);
    } else {
      from.get((byte[]) array);
    }
  }

  /** Where the first number lies that no step takes; `otherwise` if there is none. */
  String where(String otherwise) {
    if (type != float[].class) {
      return otherwise;
    }
    FloatBuffer all = floats();
    for (int i = 0; i < all.capacity(); ++i) {
      if (!fits(all.get(i))) {
        return name + "[" + i + "] is " + all.get(i);
      }
    }
    return otherwise;
  }

  static boolean fits(float number) {
    return number <= LARGEST && number >= -LARGEST;
  }

  /** All of it, in this machine's byte order; it may outlive the stream. */
  ByteBuffer view() {
    return memory.duplicate().order(ByteOrder.nativeOrder());
  }
}
