#include <wasm_simd128.h>
/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row; see edgernn_rescale. */
EDGERNN_INLINE v128_t edgernn_rescaled(const int32_t *acc, const int32_t *mult, int lead,
                                       int shift) {
  const v128_t wide = wasm_i32x4_shl(wasm_v128_load(acc), (uint32_t)lead);
  const v128_t by = wasm_v128_load(mult);
  const v128_t low = wasm_i64x2_extmul_low_i32x4(wide, by);
  const v128_t high = wasm_i64x2_extmul_high_i32x4(wide, by);
  const v128_t words = wasm_i32x4_shuffle(low, high, 1, 3, 5, 7);
  const v128_t half = wasm_i32x4_splat((int32_t)1 << (shift - 1));
  return wasm_i32x4_shr(wasm_i32x4_add(words, half), (uint32_t)shift);
}

EDGERNN_INLINE void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult,
                                         int lead, int shift, int16_t *restrict y, int n) {
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    const v128_t low = edgernn_rescaled(acc + i, mult + i, lead, shift);
    const v128_t high = edgernn_rescaled(acc + i + 4, mult + i + 4, lead, shift);
    wasm_v128_store(y + i, wasm_i16x8_narrow_i32x4(low, high));
  }
  for (; i < n; ++i) y[i] = edgernn_rescale(acc[i], mult[i], lead, shift);
}
