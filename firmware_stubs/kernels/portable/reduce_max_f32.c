/* layout: rows=1 cols=1 */
/* y[outer] = the greatest of each row x[outer][n]. */
static void edgernn_reduce_max_f32(const float *restrict x, float *restrict y, int outer, int n) {
  for (int i = 0; i < outer; ++i, x += n) {
    float top = x[0];
    for (int j = 1; j < n; ++j) top = x[j] > top ? x[j] : top;
    y[i] = top;
  }
}
