/* As edgernn_moves, by blocks of 4 columns; a shorter block, the last, has a limit of its own. */
static void edgernn_moves4_FORM(const XTYPE *restrict x, XTYPE *restrict held, SQUARES threshold,
                                SQUARES last, int cols, int chunk, uint16_t *restrict counts,
                                uint16_t *restrict list, XTYPE *restrict moves) {
  for (int j = 0; j < cols; j += chunk) {
    const int n = cols - j < chunk ? cols - j : chunk;
    const int count = edgernn_moved4_KIND(x + j, held + j, threshold, last, n, list, moves);
    *counts++ = (uint16_t)count;
    list += count;
    moves += count * COLS;
  }
}
