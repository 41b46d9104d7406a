/* Appends a block of n columns, 4 or what remains of them at the end: twice where a difference does
 * not fit 8 bits. Gives the new count. */
EDGERNN_INLINE int edgernn_moved_block(int count, int block, int n, const int8_t *restrict x,
                                       int8_t *restrict held, uint16_t *restrict list,
                                       int8_t *restrict moves) {
  int rest[4] = {0}, any = 0;
  list[count] = (uint16_t)block;
  for (int i = 0; i < 4; ++i) {
    const int d = i < n ? x[i] - held[i] : 0, part = d > 127 ? 127 : d < -127 ? -127 : d;
    if (i < n) held[i] = x[i];
    moves[4 * count + i] = (int8_t)part;
    rest[i] = d - part;
    any |= rest[i];
  }
  ++count;
  if (!any) return count;
  list[count] = (uint16_t)block;
  for (int i = 0; i < 4; ++i) moves[4 * count + i] = (int8_t)rest[i];
  return count + 1;
}

/* The blocks from column j on, one by one, behind `count` that are listed already. */
EDGERNN_INLINE int edgernn_moved4_rest(const int8_t *restrict x, int8_t *restrict held,
                                       int threshold, int last, int j, int cols, int count,
                                       uint16_t *restrict list, int8_t *restrict moves) {
  int squares = 0;
  for (; j + 4 <= cols; j += 4, squares = 0) {
    for (int i = 0; i < 4; ++i) squares += (x[j + i] - held[j + i]) * (x[j + i] - held[j + i]);
    if (squares > threshold)
      count = edgernn_moved_block(count, j >> 2, 4, x + j, held + j, list, moves);
  }
  for (int i = j; i < cols; ++i) squares += (x[i] - held[i]) * (x[i] - held[i]);
  if (squares <= last) return count;
  return edgernn_moved_block(count, j >> 2, cols - j, x + j, held + j, list, moves);
}
