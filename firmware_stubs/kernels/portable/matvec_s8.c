/* layout: rows=1 cols=1 */
/* y[rows] = saturate16((start + W x) * mult / 2^shift); W row-major int8, one mult a row. */
static void edgernn_matvec_s8(const int8_t *restrict w, const int32_t *restrict start,
                              const int32_t *restrict mult, int shift, const int8_t *restrict x,
                              int16_t *restrict y, int rows, int cols) {
  int r = 0;
  for (; r + 4 <= rows; r += 4, w += 4 * cols) {
    const int8_t *const w1 = w + cols, *const w2 = w1 + cols, *const w3 = w2 + cols;
    int32_t a = start[r], b = start[r + 1], c = start[r + 2], d = start[r + 3];
    for (int j = 0; j < cols; ++j) {
      const int32_t v = x[j];
      a += w[j] * v;
      b += w1[j] * v;
      c += w2[j] * v;
      d += w3[j] * v;
    }
    y[r] = edgernn_rescale(a, mult[r], shift);
    y[r + 1] = edgernn_rescale(b, mult[r + 1], shift);
    y[r + 2] = edgernn_rescale(c, mult[r + 2], shift);
    y[r + 3] = edgernn_rescale(d, mult[r + 3], shift);
  }
  for (; r < rows; ++r, w += cols) {
    int32_t a = start[r];
    for (int j = 0; j < cols; ++j) a += w[j] * (int32_t)x[j];
    y[r] = edgernn_rescale(a, mult[r], shift);
  }
}
