/* As edgernn_delta, with a gain for each chunk of columns of a row. */
static void edgernn_delta_gain_FORM(const int8_t *restrict w, const uint8_t *restrict gain,
                                    const uint16_t *restrict counts, const uint16_t *restrict list,
                                    const XTYPE *restrict moves, int8_t *restrict room,
                                    int32_t *restrict sum, int rows, int groups, int chunk) {
  const int hop = (groups + chunk - 1) / chunk * ROWS;
  for (int g = 0; g < groups; g += chunk, gain += ROWS) {
    const int count = *counts++;
    if (!count) continue;
    PREPARE(moves, count)
    const int8_t *v = w + g * TILE_BYTES;
    const uint8_t *k = gain;
    for (int r = 0; r < rows; r += ROWS, v += groups * TILE_BYTES, k += hop) {
      int32_t part[ROWS] = {0};
      EDGERNN_ASSUME(list);
      edgernn_strip_FORM(v, READY, list, 0, count, part);
      if (rows - r >= ROWS)
        edgernn_gain_rows(sum + r, k, part, ROWS);
      else
        edgernn_gain_rows(sum + r, k, part, rows - r);
    }
    list += count;
    moves += count * COLS;
  }
}
