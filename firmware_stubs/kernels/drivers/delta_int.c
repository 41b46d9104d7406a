/* sum[rows] += W moves, reading only the listed groups of columns; see edgernn_moves for the list.
 * The sums are exact, so they stay W x of the held x over any number of steps. */
static void edgernn_delta_FORM(const int8_t *restrict w, const uint16_t *restrict counts,
                               const uint16_t *restrict list, const XTYPE *restrict moves,
                               int8_t *restrict room, int32_t *restrict sum, int rows, int groups,
                               int chunk) {
  for (int g = 0; g < groups; g += chunk) {
    const int count = *counts++;
    if (!count) continue;
    PREPARE(moves, count)
    const int8_t *v = w + g * TILE_BYTES;
    for (int r = 0; r < rows; r += ROWS, v += groups * TILE_BYTES) {
      EDGERNN_ASSUME(list);
      if (rows - r >= ROWS) {
        edgernn_strip_FORM(v, READY, list, 0, count, sum + r);
      } else {
        int32_t acc[ROWS] = {0};
        edgernn_strip_FORM(v, READY, list, 0, count, acc);
        for (int i = 0; i < rows - r; ++i) sum[r + i] += acc[i];
      }
    }
    list += count;
    moves += count * COLS;
  }
}
