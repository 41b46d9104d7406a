/* strip: types=s8,s4,s2 tiles=32x1,16x1 delta=32x1 sparse=16x1:28 s8.offset=128 uses=lanes */
/* Single columns, widened to 16 bits and interleaved two and two, so that a dot product of pairs
 * serves two columns of four rows. x is raised as in strip_tiles.c. */
EDGERNN_INLINE v128_t edgernn_pair_FORM(const int8_t *x, const uint16_t *groups, int k,
                                        int raise) {
  const uint32_t a = (uint16_t)(x[groups ? groups[k] : k] + raise);
  const uint32_t b = (uint16_t)(x[groups ? groups[k + 1] : k + 1] + raise);
  return wasm_i32x4_splat((int32_t)(a | b << 16));
}

EDGERNN_INLINE v128_t edgernn_bytes_FORM(const int8_t *w) {
  if (ROWS * BITS >= 64) return wasm_i16x8_load8x8(w);
  return wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(w));
}

EDGERNN_INLINE void edgernn_two_FORM(const int8_t *p, const int8_t *q, v128_t x, v128_t *sum) {
#pragma GCC unroll 4
  for (int i = 0; i < (ROWS * BITS + 63) / 64; ++i) {
    const v128_t a = edgernn_bytes_FORM(p + 8 * i), b = edgernn_bytes_FORM(q + 8 * i);
#pragma GCC unroll 4
    for (int part = 0; part < 8 / BITS; ++part) {
      v128_t *const s = sum + (part * (ROWS * BITS / 8) + 8 * i) / 4;
      const v128_t u = BITS == 8 ? a : edgernn_part(a, part, BITS);
      const v128_t v = BITS == 8 ? b : edgernn_part(b, part, BITS);
      const v128_t low = wasm_i16x8_shuffle(u, v, 0, 8, 1, 9, 2, 10, 3, 11);
      s[0] = wasm_i32x4_add(s[0], wasm_i32x4_dot_i16x8(low, x));
      if (ROWS * BITS < 64) continue;
      const v128_t high = wasm_i16x8_shuffle(u, v, 4, 12, 5, 13, 6, 14, 7, 15);
      s[1] = wasm_i32x4_add(s[1], wasm_i32x4_dot_i16x8(high, x));
    }
  }
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  enum { BYTES_FORM = ROWS * COLS * BITS / 8 };
  const int raise = BITS == 8 && !tiles ? 128 : 0;
  v128_t sum[ROWS / 4];
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 4; ++i) sum[i] = wasm_v128_load(acc + 4 * i);
  for (int k = 0; k < count; k += 2)
    edgernn_two_FORM(w + (tiles ? tiles[k] : k) * BYTES_FORM,
                     w + (tiles ? tiles[k + 1] : k + 1) * BYTES_FORM,
                     edgernn_pair_FORM(x, groups, k, raise), sum);
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 4; ++i) wasm_v128_store(acc + 4 * i, sum[i]);
}

#if BITS < 8
EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
  enum { BYTES_FORM = ROWS * COLS * BITS / 8 };
  v128_t sum[ROWS / 4];
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 4; ++i) sum[i] = wasm_i32x4_const_splat(0);
  for (int k = 0; k < count; k += 2)
    edgernn_two_FORM(w + (tiles ? tiles[k] : k) * BYTES_FORM,
                     w + (tiles ? tiles[k + 1] : k + 1) * BYTES_FORM,
                     edgernn_pair_FORM(x, groups, k, 0), sum);
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 4; ++i) {
    const v128_t by = wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(gain + 4 * i));
    const v128_t more = wasm_i32x4_mul(sum[i], wasm_u32x4_extend_low_u16x8(by));
    wasm_v128_store(sums + 4 * i, wasm_i32x4_add(wasm_v128_load(sums + 4 * i), more));
  }
}
#endif
