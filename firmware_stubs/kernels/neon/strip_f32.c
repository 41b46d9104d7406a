/* strip: types=f32 tiles=64x1,32x1,16x1,8x1,4x1,16x4,8x4,4x4 dense=16x1 delta=64x1,32x1,16x1 sparse=16x4:72,8x4:44,4x4:26,16x1:22 by_column uses=quads */
/* Rows in lanes; each row sums its columns in order. A product is rounded before it is added, as
 * it is on a CPU without fused multiplication. */
EDGERNN_INLINE void edgernn_strip_FORM(const float *w, const float *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, float *acc) {
  float32x4_t sum[ROWS / 4];
#pragma GCC unroll 16
  for (int i = 0; i < ROWS / 4; ++i) sum[i] = vld1q_f32(acc + 4 * i);
  int k = 0;
  if (COLS == 1 && !tiles && !groups) {
    for (; k + 4 <= count; k += 4) {
      const float32x4_t u = vld1q_f32(x + k);
#pragma GCC unroll 4
      for (int c = 0; c < 4; ++c)
#pragma GCC unroll 16
        for (int i = 0; i < ROWS / 4; ++i)
          sum[i] = vaddq_f32(sum[i], vmulq_n_f32(vld1q_f32(w + (k + c) * ROWS + 4 * i), u[c]));
    }
  }
#pragma GCC unroll 2
  for (; k < count; ++k) {
    const float *const v = w + (tiles ? tiles[k] : k) * (ROWS * COLS);
    const float *const u = x + (groups ? groups[k] : k) * COLS;
#pragma GCC unroll 4
    for (int c = 0; c < COLS; ++c)
#pragma GCC unroll 16
      for (int i = 0; i < ROWS / 4; ++i)
        sum[i] = vaddq_f32(sum[i], vmulq_n_f32(vld1q_f32(v + c * ROWS + 4 * i), u[c]));
  }
#pragma GCC unroll 16
  for (int i = 0; i < ROWS / 4; ++i) vst1q_f32(acc + 4 * i, sum[i]);
}
