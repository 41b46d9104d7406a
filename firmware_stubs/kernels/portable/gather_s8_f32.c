/* Rows of a table of integers by index, each times its scale. */
static void edgernn_gather_s8_f32(const int8_t *restrict table, const float *restrict scale,
                                  const int64_t *restrict index, float *restrict y, int count,
                                  int rows, int width) {
  for (int i = 0; i < count; ++i) {
    const int32_t k = edgernn_row_of(index[i], rows);
    for (int j = 0; j < width; ++j) y[i * width + j] = edgernn_real(table[k * width + j]) * scale[k];
  }
}
