/* layout: rows=1 cols=1 */
/* Rows of a table by index; an index outside is clamped to the nearest row. */
static void edgernn_gather_s16(const int16_t *restrict table, const int64_t *restrict index,
                              int16_t *restrict y, int count, int rows, int width) {
  for (int i = 0; i < count; ++i) {
    const int64_t k = index[i] < 0 ? 0 : index[i] >= rows ? rows - 1 : index[i];
    for (int j = 0; j < width; ++j) y[i * width + j] = table[(int32_t)k * width + j];
  }
}
