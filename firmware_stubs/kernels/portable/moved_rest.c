/* Appends a column that moved by d: twice where d does not fit 8 bits. Gives the new count. */
EDGERNN_INLINE int edgernn_column_moves(int count, int column, int d, uint16_t *restrict list,
                                        int8_t *restrict moves) {
  const int part = d > 127 ? 127 : -127;
  const int fits = (unsigned)(d + 127) <= 254u;
  list[count] = (uint16_t)column;
  moves[count++] = (int8_t)(fits ? d : part);
  if (fits) return count;
  list[count] = (uint16_t)column;
  moves[count++] = (int8_t)(d - part);
  return count;
}

/* The columns from j on, one by one, behind `count` that are listed already; then zeros to a
 * multiple of 4. */
EDGERNN_INLINE int edgernn_moved_rest(const int8_t *restrict x, int8_t *restrict held,
                                      int threshold, int j, int cols, int count,
                                      uint16_t *restrict list, int8_t *restrict moves) {
  for (; j < cols; ++j) {
    const int d = x[j] - held[j];
    if ((d < 0 ? -d : d) <= threshold) continue;
    held[j] = x[j];
    count = edgernn_column_moves(count, j, d, list, moves);
  }
  for (; count & 3; ++count) {
    list[count] = 0;
    moves[count] = 0;
  }
  return count;
}
