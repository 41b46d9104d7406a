/* Rows of a table of integers by index, each rescaled to 16 bits. */
static void edgernn_gather_s8_s16(const int8_t *restrict table, const int32_t *restrict mult,
                                  int lead, int shift, const int64_t *restrict index,
                                  int16_t *restrict y, int count, int rows, int width) {
  for (int i = 0; i < count; ++i) {
    const int32_t k = edgernn_row_of(index[i], rows);
    for (int j = 0; j < width; ++j)
      y[i * width + j] = edgernn_rescale(table[k * width + j], mult[k], lead, shift);
  }
}
