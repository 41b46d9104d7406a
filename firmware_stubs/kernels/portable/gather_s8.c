/* Rows of a table by index. */
static void edgernn_gather_s8(const int8_t *restrict table, const int64_t *restrict index,
                              int8_t *restrict y, int count, int rows, int width) {
  for (int i = 0; i < count; ++i) {
    const int32_t k = edgernn_row_of(index[i], rows);
    for (int j = 0; j < width; ++j) y[i * width + j] = table[k * width + j];
  }
}
