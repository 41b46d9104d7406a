/* layout: rows=1 cols=1 */
/* y[m][n] = a[m][k] b[k][n], all row-major; each sum runs over k in order. */
static void edgernn_matmul_f32(const float *restrict a, const float *restrict b,
                               float *restrict y, int m, int k, int n) {
  for (int i = 0; i < m; ++i, a += k, y += n) {
    int j = 0;
    for (; j + 8 <= n; j += 8) {
      float acc[8] = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
      for (int t = 0; t < k; ++t)
        for (int l = 0; l < 8; ++l) acc[l] += a[t] * b[t * n + j + l];
      for (int l = 0; l < 8; ++l) y[j + l] = acc[l];
    }
    for (; j < n; ++j) {
      float acc = 0.0f;
      for (int t = 0; t < k; ++t) acc += a[t] * b[t * n + j];
      y[j] = acc;
    }
  }
}
