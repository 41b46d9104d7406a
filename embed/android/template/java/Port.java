package edgernn.@NAME@;

import androidx.annotation.NonNull;

/** An array that a step takes or gives, row after row. */
public final class Port {
  private final String name;
  private final String type;
  private final int itemBytes;
  private final int[] shape;

  Port(String name, String type, int itemBytes, int[] shape) {
    this.name = name;
    this.type = type;
    this.itemBytes = itemBytes;
    this.shape = shape;
  }

  @NonNull
  public String getName() {
    return name;
  }

  /** As numpy names it: float32 is a float[], int64 a long[], int32 an int[], int8 a byte[]. */
  @NonNull
  public String getType() {
    return type;
  }

  @NonNull
  public int[] getShape() {
    return shape.clone();
  }

  /** Items in all. */
  public int getCount() {
    int count = 1;
    for (int size : shape) {
      count *= size;
    }
    return count;
  }

  int bytes() {
    return getCount() * itemBytes;
  }
}
