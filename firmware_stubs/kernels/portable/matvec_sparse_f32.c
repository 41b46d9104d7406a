/* layout: sparse */
/* y[rows] = bias + W x for a W that is mostly zeros: row r holds w[first[r] .. first[r + 1]) at
 * the columns col[...], in order. */
static void edgernn_matvec_sparse_f32(const float *restrict w, const uint16_t *restrict col,
                                      const uint16_t *restrict first, const float *restrict bias,
                                      const float *restrict x, float *restrict y, int rows) {
  for (int r = 0; r < rows; ++r) {
    float acc = bias[r];
    for (int k = first[r]; k < first[r + 1]; ++k) acc += w[k] * x[col[k]];
    y[r] = acc;
  }
}
