/* y[rows] = rescale(start + sum over chunks of gain (W x)): each chunk of columns of a row has a
 * whole-numbered gain of its own. */
static void edgernn_dense_gain_FORM(const int8_t *restrict w, const uint8_t *restrict gain,
                                    const int32_t *restrict start, const int32_t *restrict mult,
                                    int lead, int shift, const XTYPE *restrict x,
                                    int8_t *restrict room, int16_t *restrict y, int rows,
                                    int groups) {
  PREPARE(x, groups)
  for (int r = 0; r < rows; r += ROWS) {
    int32_t acc[ROWS];
    for (int i = 0; i < ROWS; ++i) acc[i] = start[r + i];
    for (int g = 0; g < groups; g += CHUNK_GROUPS, gain += ROWS) {
      int32_t part[ROWS] = {0};
      const int count = groups - g < CHUNK_GROUPS ? groups - g : CHUNK_GROUPS;
      if (count == CHUNK_GROUPS)
        edgernn_strip_FORM(w, READY + g * GROUP_STEP, 0, 0, CHUNK_GROUPS, part);
      else
        edgernn_strip_FORM(w, READY + g * GROUP_STEP, 0, 0, count, part);
      edgernn_gain_rows(acc, gain, part, ROWS);
      w += count * TILE_BYTES;
    }
    edgernn_rescale_rows(acc, mult + r, lead, shift, y + r, rows - r < ROWS ? rows - r : ROWS);
  }
}
