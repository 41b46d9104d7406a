#include <wasm_simd128.h>
/* Eight weights in 16 bits, from the bits of eight bytes that hold this part of a tile. */
EDGERNN_INLINE v128_t edgernn_part(v128_t bytes, int part, int bits) {
  const int up = 16 - bits - part * bits;
  return wasm_i16x8_shr(wasm_i16x8_shl(bytes, (uint32_t)up), (uint32_t)(16 - bits));
}

/* sums[4] += gain[4] * rows, of which each lies in two of eight 16-bit lanes */
EDGERNN_INLINE void edgernn_four_gains(int32_t *sums, v128_t rows, const uint8_t *gain) {
  const v128_t by = wasm_v128_load32_zero(gain), none = wasm_i32x4_const_splat(0);
  const v128_t pairs = wasm_i8x16_shuffle(by, none, 0, 16, 0, 16, 1, 16, 1, 16, 2, 16, 2, 16, 3, 16,
                                          3, 16);
  const v128_t more = wasm_i32x4_dot_i16x8(rows, pairs);
  wasm_v128_store(sums, wasm_i32x4_add(wasm_v128_load(sums), more));
}
