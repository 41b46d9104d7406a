/* layout: rows=1 cols=1 */
/* y[outer] = sum of each row x[outer][n], in order. */
static void edgernn_reduce_sum_f32(const float *restrict x, float *restrict y, int outer, int n) {
  for (int i = 0; i < outer; ++i, x += n) {
    float acc = 0.0f;
    for (int j = 0; j < n; ++j) acc += x[j];
    y[i] = acc;
  }
}
