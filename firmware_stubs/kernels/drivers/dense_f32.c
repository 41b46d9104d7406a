/* y[rows] = bias + W x, strip by strip; each row sums its columns in order. */
static void edgernn_dense_FORM(const float *restrict w, const float *restrict bias,
                               const float *restrict x, float *restrict y, int rows, int groups) {
  for (int r = 0; r < rows; r += ROWS, w += groups * (ROWS * COLS)) {
    float acc[ROWS];
    const int n = rows - r < ROWS ? rows - r : ROWS;
    for (int i = 0; i < ROWS; ++i) acc[i] = bias[r + i];
    edgernn_strip_FORM(w, x, 0, 0, groups, acc);
    for (int i = 0; i < n; ++i) y[r + i] = acc[i];
  }
}
