#include <wasm_simd128.h>
/* edgernn_sigmoid_q of q[n] in place. Only the look-ups are made one by one: both ends of a linear
 * piece come in one load. The product (h - l) * part is rounded as edgernn_sigmoid_q rounds it. */
static void edgernn_sigmoid_rows(int16_t *restrict q, int n) {
  const char *const middle = (const char *)(edgernn_sigmoid_table + 128);
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    const v128_t x = wasm_v128_load(q + i);
    const v128_t at = wasm_v128_andnot(wasm_i16x8_shr(x, 7), wasm_i16x8_const_splat(1));
    v128_t a = wasm_v128_load32_zero(middle + wasm_i16x8_extract_lane(at, 0));
    v128_t b = wasm_v128_load32_zero(middle + wasm_i16x8_extract_lane(at, 4));
    a = wasm_v128_load32_lane(middle + wasm_i16x8_extract_lane(at, 1), a, 1);
    b = wasm_v128_load32_lane(middle + wasm_i16x8_extract_lane(at, 5), b, 1);
    a = wasm_v128_load32_lane(middle + wasm_i16x8_extract_lane(at, 2), a, 2);
    b = wasm_v128_load32_lane(middle + wasm_i16x8_extract_lane(at, 6), b, 2);
    a = wasm_v128_load32_lane(middle + wasm_i16x8_extract_lane(at, 3), a, 3);
    b = wasm_v128_load32_lane(middle + wasm_i16x8_extract_lane(at, 7), b, 3);
    const v128_t low = wasm_i16x8_shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
    const v128_t high = wasm_i16x8_shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
    const v128_t part = wasm_u16x8_shr(wasm_i16x8_shl(x, 8), 1);
    const v128_t rise = wasm_i16x8_q15mulr_sat(wasm_i16x8_sub(high, low), part);
    wasm_v128_store(q + i, wasm_i16x8_add(low, rise));
  }
  for (; i < n; ++i) q[i] = (int16_t)edgernn_sigmoid_q(q[i]);
}
