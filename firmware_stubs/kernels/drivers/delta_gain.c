/* As edgernn_delta, with a gain for each chunk of columns of a row. A strip of rows takes all
 * chunks in turn, so that its sums may stay in registers. */
static void edgernn_delta_gain_FORM(const int8_t *restrict w, const uint8_t *restrict gain,
                                    const uint16_t *restrict counts, const uint16_t *restrict list,
                                    const XTYPE *restrict moves, int8_t *restrict room,
                                    int32_t *restrict sum, int rows, int groups, int chunk) {
  int all = 0;
  for (int g = 0, k = 0; g < groups; g += CHUNK_GROUPS) all += counts[k++];
  (void)chunk;
  if (!all) return;
  PREPARE(moves, all)
  for (int r = 0; r < rows; r += ROWS, w += groups * TILE_BYTES) {
    int32_t sums[ROWS] = {0};
    const int8_t *v = w, *x = READY;
    const uint16_t *tiles = list, *n = counts;
    for (int g = groups; g > 0; g -= CHUNK_GROUPS) {
      const int count = *n++;
      if (count) {
        EDGERNN_ASSUME(tiles);
        edgernn_gains_FORM(v, x, tiles, 0, count, gain, sums);
        tiles += count;
        x += count * GROUP_STEP;
      }
      v += CHUNK_GROUPS * TILE_BYTES;
      gain += ROWS;
    }
    if (rows - r >= ROWS) {
      edgernn_rows_FORM(sum + r, sums);
    } else {
      int32_t rest[ROWS] = {0};
      edgernn_rows_FORM(rest, sums);
      for (int i = 0; i < rows - r; ++i) sum[r + i] += rest[i];
    }
  }
}
