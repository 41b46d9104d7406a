/* strip: types=s8 tiles=32x1 delta=32x1 offset=128 uses=halves */
/* Four single columns of sixteen rows at a time: the four bytes of a row are brought together and
 * go through one relaxed dot product. What has moved may have either sign, so where an engine takes
 * second factors unsigned these are the weights, raised by 128; what that adds is taken off. */
EDGERNN_INLINE void edgernn_together_FORM(const int8_t *w, const uint16_t *tiles, int k, int r,
                                          v128_t *rows) {
  v128_t c[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) c[i] = wasm_v128_load(w + (tiles ? tiles[k + i] : k + i) * ROWS + r);
#pragma GCC unroll 2
  for (int i = 0; i < 4; i += 2) {
    const v128_t low = wasm_i8x16_shuffle(c[i], c[i + 1], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21,
                                          6, 22, 7, 23);
    const v128_t high = wasm_i8x16_shuffle(c[i], c[i + 1], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28,
                                           13, 29, 14, 30, 15, 31);
    c[i] = low;
    c[i + 1] = high;
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    rows[2 * i] = wasm_i16x8_shuffle(c[i], c[i + 2], 0, 8, 1, 9, 2, 10, 3, 11);
    rows[2 * i + 1] = wasm_i16x8_shuffle(c[i], c[i + 2], 4, 12, 5, 13, 6, 14, 7, 15);
  }
}

EDGERNN_INLINE v128_t edgernn_four_FORM(const int8_t *x, const uint16_t *tiles,
                                        const uint16_t *groups, int k) {
  if (tiles) return wasm_v128_load32_splat(x + k);
  const int8_t four[4] = {x[groups ? groups[k] : k], x[groups ? groups[k + 1] : k + 1],
                          x[groups ? groups[k + 2] : k + 2], x[groups ? groups[k + 3] : k + 3]};
  return wasm_v128_xor(wasm_v128_load32_splat(four), wasm_i8x16_const_splat(-128));
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  const int whole = tiles && edgernn_dot_is_unsigned();
  int32_t moved = 0;
  for (int k = 0; whole && k < count; ++k) moved += x[k];
  const v128_t raised = wasm_i32x4_splat(128 * moved), top = wasm_i8x16_const_splat(-128);
#pragma GCC unroll 1
  for (int r = 0; r < ROWS; r += 16) {
    v128_t sum[4], more[4], rows[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) sum[i] = more[i] = wasm_i32x4_const_splat(0);
    if (whole) {
      for (int k = 0; k < count; k += 4) {
        const v128_t four = wasm_v128_load32_splat(x + k);
        edgernn_together_FORM(w, tiles, k, r, rows);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          const v128_t up = wasm_v128_xor(rows[i], top);
          sum[i] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(four, up, sum[i]);
        }
      }
    } else {
      for (int k = 0; k < count; k += 4) {
        const v128_t four = edgernn_four_FORM(x, tiles, groups, k);
        const v128_t one = edgernn_first_half(four, !!tiles);
        const v128_t two = edgernn_second_half(four, !!tiles);
        edgernn_together_FORM(w, tiles, k, r, rows);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          sum[i] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(rows[i], one, sum[i]);
          more[i] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(rows[i], two, more[i]);
        }
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const v128_t made = whole ? wasm_i32x4_sub(sum[i], raised)
                                : edgernn_halves(sum[i], more[i], !!tiles);
      wasm_v128_store(acc + r + 4 * i, wasm_i32x4_add(wasm_v128_load(acc + r + 4 * i), made));
    }
  }
}
