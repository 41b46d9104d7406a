/* Rows of a table of 4-bit integers by index, each times its scale. gain: one for each 32 columns
 * of a row, or 0. */
static void edgernn_gather_s4_f32(const int8_t *restrict table, const uint8_t *restrict gain,
                                  const float *restrict scale, const int64_t *restrict index,
                                  float *restrict y, int count, int rows, int width) {
  for (int i = 0; i < count; ++i) {
    const int32_t k = edgernn_row_of(index[i], rows);
    const int8_t *const row = table + k * ((width + 1) / 2);
    const uint8_t *const gains = gain ? gain + k * ((width + 31) / 32) : 0;
    for (int j = 0; j < width; ++j)
      y[i * width + j] = edgernn_real(edgernn_element_s4(row, gains, j)) * scale[k];
  }
}
