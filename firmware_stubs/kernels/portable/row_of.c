/* The row of a table that an index means; one outside is clamped to the nearest row. */
EDGERNN_INLINE int32_t edgernn_row_of(int64_t index, int rows) {
  return index < 0 ? 0 : index >= rows ? rows - 1 : (int32_t)index;
}
