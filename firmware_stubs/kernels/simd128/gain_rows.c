#include <wasm_simd128.h>
/* acc[n] += gain[n] * part[n], in vectors throughout: compilers left alone take the sums of a strip
 * out of them one by one. */
EDGERNN_INLINE void edgernn_gain_rows(int32_t *restrict acc, const uint8_t *restrict gain,
                                      const int32_t *restrict part, int n) {
  int i = 0;
  for (; i + 4 <= n; i += 4) {
    const v128_t by = wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(gain + i));
    const v128_t wide = wasm_u32x4_extend_low_u16x8(by);
    const v128_t more = wasm_i32x4_mul(wasm_v128_load(part + i), wide);
    wasm_v128_store(acc + i, wasm_i32x4_add(wasm_v128_load(acc + i), more));
  }
  for (; i < n; ++i) acc[i] += gain[i] * part[i];
}
