#include <wasm_simd128.h>
/* Bytes as two parts below 128, of which every engine's relaxed dot product is exact. What has
 * moved is moved up minus moved down; x + 128, unsigned, is 2 h + l. */
EDGERNN_INLINE v128_t edgernn_first_half(v128_t bytes, int moved) {
  if (moved) return wasm_i8x16_max(bytes, wasm_i8x16_const_splat(0));
  return wasm_u8x16_shr(bytes, 1);
}

EDGERNN_INLINE v128_t edgernn_second_half(v128_t bytes, int moved) {
  if (moved) return wasm_i8x16_max(wasm_i8x16_neg(bytes), wasm_i8x16_const_splat(0));
  return wasm_v128_and(bytes, wasm_i8x16_const_splat(1));
}

/* The product with the whole, of those with its parts. */
EDGERNN_INLINE v128_t edgernn_halves(v128_t first, v128_t second, int moved) {
  if (moved) return wasm_i32x4_sub(first, second);
  return wasm_i32x4_add(wasm_i32x4_shl(first, 1), second);
}
