/* strip: types=f32 tiles=16x1,8x1,4x1,16x4,8x4,4x4 dense=16x1 delta=16x1 sparse=16x4:70,8x4:40,4x4:24,16x1:20 by_column uses=lanes */
/* Rows in lanes; each row sums its columns in order. */
EDGERNN_INLINE void edgernn_strip_FORM(const float *w, const float *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, float *acc) {
  v128_t sum[ROWS / 4];
#pragma GCC unroll 4
  for (int i = 0; i < ROWS / 4; ++i) sum[i] = wasm_v128_load(acc + 4 * i);
#pragma GCC unroll 4
  for (int k = 0; k < count; ++k) {
    const float *const v = w + (tiles ? tiles[k] : k) * (ROWS * COLS);
    const float *const u = x + (groups ? groups[k] : k) * COLS;
#pragma GCC unroll 4
    for (int c = 0; c < COLS; ++c) {
      const v128_t one = wasm_v128_load32_splat(u + c);
#pragma GCC unroll 4
      for (int i = 0; i < ROWS / 4; ++i) {
        const v128_t product = wasm_f32x4_mul(wasm_v128_load(v + c * ROWS + 4 * i), one);
        sum[i] = wasm_f32x4_add(sum[i], product);
      }
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < ROWS / 4; ++i) wasm_v128_store(acc + 4 * i, sum[i]);
}
