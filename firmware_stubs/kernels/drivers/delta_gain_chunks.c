/* As edgernn_delta_gain, chunk by chunk: for strips without an edgernn_gains of their own, whose
 * sums would lie in memory anyway. */
static void edgernn_delta_gain_chunks_FORM(const int8_t *restrict w, const uint8_t *restrict gain,
                                           const uint16_t *restrict counts,
                                           const uint16_t *restrict list,
                                           const int8_t *restrict moves, int8_t *restrict room,
                                           int32_t *restrict sum, int rows, int groups, int chunk) {
  const int hop = (groups + chunk - 1) / chunk * ROWS;
  for (int g = 0; g < groups; g += chunk, gain += ROWS) {
    const int count = *counts++;
    if (!count) continue;
    PREPARE(moves, count)
    const int8_t *v = w + g * TILE_BYTES;
    const uint8_t *k = gain;
    for (int r = 0; r < rows; r += ROWS, v += groups * TILE_BYTES, k += hop) {
      EDGERNN_ASSUME(list);
      if (rows - r >= ROWS) {
        edgernn_gains_FORM(v, READY, list, 0, count, k, sum + r);
      } else {
        int32_t rest[ROWS] = {0};
        edgernn_gains_FORM(v, READY, list, 0, count, k, rest);
        for (int i = 0; i < rows - r; ++i) sum[r + i] += rest[i];
      }
    }
    list += count;
    moves += count * COLS;
  }
}
