/* Rows x[outer][n] by blocks of 4: a block of which the squared differences from held[] sum to more
 * than `limit` is x, any other is held. The last block may be shorter and has a limit of its own.
 * y may be held itself. */
static void edgernn_hold_blocks_f32(const float *x, const float *held, float *y, float limit,
                                    float last_limit, int outer, int n) {
  for (int i = 0; i < outer; ++i, x += n, held += n, y += n) {
    for (int j = 0; j < n; j += 4) {
      const int count = n - j < 4 ? n - j : 4;
      float sum = 0.0f;
      for (int k = j; k < j + count; ++k) {
        const float d = x[k] - held[k];
        sum = k == j ? d * d : sum + d * d;
      }
      const int moved = sum > (count < 4 ? last_limit : limit);
      for (int k = j; k < j + count; ++k) y[k] = moved ? x[k] : held[k];
    }
  }
}
