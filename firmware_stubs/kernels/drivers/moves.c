/* The list of what has moved, chunk by chunk of columns: counts[] gets its length in each chunk.
 * Numbers in the list count from the chunk's start. */
static void edgernn_moves_FORM(const XTYPE *restrict x, XTYPE *restrict held, LIMIT threshold,
                               int cols, int chunk, uint16_t *restrict counts,
                               uint16_t *restrict list, XTYPE *restrict moves) {
  for (int j = 0; j < cols; j += chunk) {
    const int n = cols - j < chunk ? cols - j : chunk;
    const int count = edgernn_moved_KIND(x + j, held + j, threshold, n, list, moves);
    *counts++ = (uint16_t)count;
    list += count;
    moves += count;
  }
}
