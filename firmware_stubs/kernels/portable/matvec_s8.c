/* layout: rows=1 cols=1 */
/* y[rows] = rescale(start + W x), W row-major int8, one mult a row. A plain dot product, which
 * compilers turn into vector code where there are vectors. */
static void edgernn_matvec_s8(const int8_t *restrict w, const int32_t *restrict start,
                              const int32_t *restrict mult, int lead, int shift,
                              const int8_t *restrict x, int16_t *restrict y, int rows, int cols) {
  for (int r = 0; r < rows; ++r, w += cols) {
    int32_t acc = start[r];
    for (int j = 0; j < cols; ++j) acc += w[j] * (int32_t)x[j];
    y[r] = edgernn_rescale(acc, mult[r], lead, shift);
  }
}
