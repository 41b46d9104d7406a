/* y[rows] = rescale(start + sum over chunks of gain (W x)): each chunk of columns of a row has a
 * whole-numbered gain of its own. */
static void edgernn_dense_gain_FORM(const int8_t *restrict w, const uint8_t *restrict gain,
                                    const int32_t *restrict start, const int32_t *restrict mult,
                                    int lead, int shift, const XTYPE *restrict x,
                                    int8_t *restrict room, int16_t *restrict y, int rows,
                                    int groups) {
  PREPARE_CHUNKS(x, groups)
  for (int r = 0; r < rows; r += ROWS) {
    int32_t acc[ROWS], sums[ROWS] = {0};
    int g = 0;
    for (; g + CHUNK_GROUPS <= groups; g += CHUNK_GROUPS, gain += ROWS) {
      edgernn_gains_FORM(w, READY + g * GROUP_STEP, 0, 0, CHUNK_GROUPS, gain, sums);
      w += CHUNK_GROUPS * TILE_BYTES;
    }
    if (g < groups) {
      edgernn_gains_FORM(w, READY + g * GROUP_STEP, 0, 0, groups - g, gain, sums);
      w += (groups - g) * TILE_BYTES;
      gain += ROWS;
    }
    for (int i = 0; i < ROWS; ++i) acc[i] = start[r + i];
    edgernn_rows_FORM(acc, sums);
    edgernn_rescale_rows(acc, mult + r, lead, shift, y + r, rows - r < ROWS ? rows - r : ROWS);
  }
}
