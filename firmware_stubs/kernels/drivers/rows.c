/* acc[ROWS] += the sums that edgernn_gains has left, row by row. */
EDGERNN_INLINE void edgernn_rows_FORM(int32_t *restrict acc, const int32_t *restrict sums) {
  for (int i = 0; i < ROWS; ++i) acc[i] += sums[i];
}
