/* y[rows] = bias + W x for a W of which only some tiles are stored: counts[] holds the number of
 * them in each strip, index[] the groups of columns that they meet, in order. */
static void edgernn_sparse_FORM(const float *restrict w, const uint16_t *restrict counts,
                                const uint16_t *restrict index, const float *restrict bias,
                                const float *restrict x, float *restrict y, int rows) {
  for (int r = 0; r < rows; r += ROWS) {
    float acc[ROWS];
    const int count = *counts++, n = rows - r < ROWS ? rows - r : ROWS;
    for (int i = 0; i < ROWS; ++i) acc[i] = bias[r + i];
    EDGERNN_ASSUME(index);
    edgernn_strip_FORM(w, x, 0, index, count, acc);
    w += count * (ROWS * COLS);
    index += count;
    for (int i = 0; i < n; ++i) y[r + i] = acc[i];
  }
}
