/* layout: rows=4 cols=1 */
/* y[rows] = rescale(start + W x) for cores without vectors: four rows share each load of x, and
 * the weights, packed [rows / 4][cols][4], are one stream. */
static void edgernn_matvec_s8(const int8_t *restrict w, const int32_t *restrict start,
                              const int32_t *restrict mult, int lead, int shift,
                              const int8_t *restrict x, int16_t *restrict y, int rows, int cols) {
  for (int r = 0; r < rows; r += 4) {
    int32_t acc[4] = {start[r], start[r + 1], start[r + 2], start[r + 3]};
    for (int j = 0; j < cols; ++j, w += 4) {
      const int32_t v = x[j];
      acc[0] += w[0] * v;
      acc[1] += w[1] * v;
      acc[2] += w[2] * v;
      acc[3] += w[3] * v;
    }
    const int n = rows - r < 4 ? rows - r : 4;
    for (int i = 0; i < n; ++i) y[r + i] = edgernn_rescale(acc[i], mult[r + i], lead, shift);
  }
}
