/* layout: rows=8 cols=1 */
/* y[rows] = bias + W x; W packed [rows / 8][cols][8]; each row sums its columns in order. */
static void edgernn_matvec_f32(const float *restrict w, const float *restrict bias,
                               const float *restrict x, float *restrict y, int rows, int cols) {
  for (int r = 0; r < rows; r += 8) {
    float acc[8];
    const int n = rows - r < 8 ? rows - r : 8;
    for (int i = 0; i < 8; ++i) acc[i] = i < n ? bias[r + i] : 0.0f;
    for (int j = 0; j < cols; ++j, w += 8) {
      const float v = x[j];
      for (int i = 0; i < 8; ++i) acc[i] += w[i] * v;
    }
    for (int i = 0; i < n; ++i) y[r + i] = acc[i];
  }
}
