/* strip: types=s8,s4,s2 tiles=16x4,8x4,4x4 dense=16x4 sparse=16x4:70,8x4:40,4x4:26 s8.offset=128 uses=lanes */
/* Tiles [ROWS][4] widened to 16 bits: two rows a vector, each against the same four inputs. Pairs
 * of products are summed by the instruction itself, so a lane holds half a row. Where weights have 8
 * bits and x is no list of moves it is x + 128, which relaxed128 wants unsigned. */
EDGERNN_INLINE v128_t edgernn_quad_FORM(const int8_t *x, int moved) {
  const v128_t four = wasm_v128_load32_splat(x);
  if (BITS < 8 || moved) return wasm_i16x8_extend_low_i8x16(four);
  return wasm_u16x8_extend_low_u8x16(wasm_v128_xor(four, wasm_i8x16_const_splat(-128)));
}

EDGERNN_INLINE void edgernn_eight_FORM(v128_t bytes, v128_t x, v128_t *sum) {
#pragma GCC unroll 4
  for (int part = 0; part < 8 / BITS; ++part) {
    v128_t *const s = sum + part * (ROWS * BITS / 16);
    const v128_t w = BITS == 8 ? bytes : edgernn_part(bytes, part, BITS);
    *s = wasm_i32x4_add(*s, wasm_i32x4_dot_i16x8(w, x));
  }
}

EDGERNN_INLINE void edgernn_tile_FORM(const int8_t *w, v128_t x, v128_t *sum) {
  if (ROWS * BITS >= 16) {
#pragma GCC unroll 8
    for (int i = 0; i < ROWS * BITS / 16; ++i)
      edgernn_eight_FORM(wasm_i16x8_load8x8(w + 8 * i), x, sum + i);
  } else {
    const v128_t bytes = wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(w));
    const v128_t low = wasm_i64x2_shuffle(edgernn_part(bytes, 0, BITS),
                                          edgernn_part(bytes, 1, BITS), 0, 2);
    const v128_t high = wasm_i64x2_shuffle(edgernn_part(bytes, 8 / BITS - 2, BITS),
                                           edgernn_part(bytes, 8 / BITS - 1, BITS), 0, 2);
    sum[0] = wasm_i32x4_add(sum[0], wasm_i32x4_dot_i16x8(low, x));
    sum[1] = wasm_i32x4_add(sum[1], wasm_i32x4_dot_i16x8(high, x));
  }
}

/* sum[ROWS / 2] = halves of rows of so many tiles */
EDGERNN_INLINE void edgernn_tiles_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, v128_t *sum) {
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 2; ++i) sum[i] = wasm_i32x4_const_splat(0);
#pragma GCC unroll 2
  for (int k = 0; k < count; ++k)
    edgernn_tile_FORM(w + (tiles ? tiles[k] : k) * (ROWS * COLS * BITS / 8),
                      edgernn_quad_FORM(x + (groups ? groups[k] : k) * COLS, tiles != 0), sum);
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  v128_t sum[ROWS / 2];
  edgernn_tiles_FORM(w, x, tiles, groups, count, sum);
#pragma GCC unroll 4
  for (int i = 0; i < ROWS / 4; ++i) {
    const v128_t even = wasm_i32x4_shuffle(sum[2 * i], sum[2 * i + 1], 0, 2, 4, 6);
    const v128_t odd = wasm_i32x4_shuffle(sum[2 * i], sum[2 * i + 1], 1, 3, 5, 7);
    const v128_t four = wasm_i32x4_add(wasm_v128_load(acc + 4 * i), wasm_i32x4_add(even, odd));
    wasm_v128_store(acc + 4 * i, four);
  }
}

#if BITS < 8
/* Half a row of a chunk fits into 16 bits, listed twice or not: 64 / 2 * 7 * 127 < 2^15. */
EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
  v128_t sum[ROWS / 2];
  edgernn_tiles_FORM(w, x, tiles, groups, count, sum);
#pragma GCC unroll 4
  for (int i = 0; i < ROWS / 4; ++i)
    edgernn_four_gains(sums + 4 * i, wasm_i16x8_narrow_i32x4(sum[2 * i], sum[2 * i + 1]),
                       gain + 4 * i);
}
#endif
