/* Appends a column that moved by d: twice where d does not fit 16 bits. Gives the new count. */
EDGERNN_INLINE int edgernn_wide_column_moves(int count, int column, int d,
                                             uint16_t *restrict list, int16_t *restrict moves) {
  const int part = d > 32767 ? 32767 : d < -32767 ? -32767 : d;
  list[count] = (uint16_t)column;
  moves[count++] = (int16_t)part;
  if (part == d) return count;
  list[count] = (uint16_t)column;
  moves[count++] = (int16_t)(d - part);
  return count;
}

/* The columns from j on, one by one, behind `count` that are listed already; then zeros to a
 * multiple of 4. */
EDGERNN_INLINE int edgernn_moved_s16_rest(const int16_t *restrict x, int16_t *restrict held,
                                          int threshold, int j, int cols, int count,
                                          uint16_t *restrict list, int16_t *restrict moves) {
  for (; j < cols; ++j) {
    const int now = x[j] < -32767 ? -32767 : x[j], d = now - held[j];
    if ((d < 0 ? -d : d) <= threshold) continue;
    held[j] = (int16_t)now;
    count = edgernn_wide_column_moves(count, j, d, list, moves);
  }
  for (; count & 3; ++count) {
    list[count] = 0;
    moves[count] = 0;
  }
  return count;
}
