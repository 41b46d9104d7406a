/* As edgernn_moved4_s8, of 16-bit columns; see edgernn_moved_s16 for the least x. Squares of 17 bits
 * are summed in 64. */
static int edgernn_moved4_s16(const int16_t *restrict x, int16_t *restrict held, int64_t threshold,
                              int64_t last, int cols, uint16_t *restrict list,
                              int16_t *restrict moves) {
  int count = 0;
  for (int j = 0; j < cols; j += 4) {
    const int n = cols - j < 4 ? cols - j : 4;
    int d[4] = {0}, any = 0;
    int64_t squares = 0;
    for (int i = 0; i < n; ++i) {
      d[i] = (x[j + i] < -32767 ? -32767 : x[j + i]) - held[j + i];
      squares += (int64_t)d[i] * d[i];
    }
    if (squares <= (n < 4 ? last : threshold)) continue;
    for (int i = 0; i < n; ++i) held[j + i] = (int16_t)(held[j + i] + d[i]);
    for (int turn = 0; turn < 2; ++turn) {
      list[count] = (uint16_t)(j >> 2);
      any = 0;
      for (int i = 0; i < 4; ++i) {
        const int part = d[i] > 32767 ? 32767 : d[i] < -32767 ? -32767 : d[i];
        moves[4 * count + i] = (int16_t)part;
        d[i] -= part;
        any |= d[i];
      }
      ++count;
      if (!any) break;
    }
  }
  return count;
}
