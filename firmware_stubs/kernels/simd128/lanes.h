#include <wasm_simd128.h>
/* Eight weights in 16 bits, from the bits of eight bytes that hold this part of a tile. */
EDGERNN_INLINE v128_t edgernn_part(v128_t bytes, int part, int bits) {
  const int up = 16 - bits - part * bits;
  return wasm_i16x8_shr(wasm_i16x8_shl(bytes, (uint32_t)up), (uint32_t)(16 - bits));
}
