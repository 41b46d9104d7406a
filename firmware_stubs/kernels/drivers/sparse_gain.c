/* As edgernn_sparse, with a gain for each chunk of columns of a row; counts[] holds one number for
 * each chunk of each strip, and a chunk without tiles has no gains. */
static void edgernn_sparse_gain_FORM(const int8_t *restrict w, const uint8_t *restrict gain,
                                     const uint16_t *restrict counts,
                                     const uint16_t *restrict index, const int32_t *restrict start,
                                     const int32_t *restrict mult, int lead, int shift,
                                     const XTYPE *restrict x, int8_t *restrict room,
                                     int16_t *restrict y, int rows, int groups) {
  PREPARE(x, groups)
  for (int r = 0; r < rows; r += ROWS) {
    int32_t acc[ROWS], sums[ROWS] = {0};
    for (int g = 0; g < groups; g += CHUNK_GROUPS) {
      const int count = *counts++;
      if (!count) continue;
      EDGERNN_ASSUME(index);
      edgernn_gains_FORM(w, READY, 0, index, count, gain, sums);
      gain += ROWS;
      w += count * TILE_BYTES;
      index += count;
    }
    for (int i = 0; i < ROWS; ++i) acc[i] = start[r + i];
    edgernn_rows_FORM(acc, sums);
    edgernn_rescale_rows(acc, mult + r, lead, shift, y + r, rows - r < ROWS ? rows - r : ROWS);
  }
}
