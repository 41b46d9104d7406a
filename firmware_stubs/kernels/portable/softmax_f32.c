/* layout: rows=1 cols=1 */
/* Softmax of each row x[outer][n]. */
static void edgernn_softmax_f32(const float *restrict x, float *restrict y, int outer, int n) {
  for (int i = 0; i < outer; ++i, x += n, y += n) {
    float top = x[0], sum = 0.0f;
    for (int j = 1; j < n; ++j) top = x[j] > top ? x[j] : top;
    for (int j = 0; j < n; ++j) y[j] = edgernn_exp_f32(x[j] - top);
    for (int j = 0; j < n; ++j) sum += y[j];
    for (int j = 0; j < n; ++j) y[j] = y[j] / sum;
  }
}
