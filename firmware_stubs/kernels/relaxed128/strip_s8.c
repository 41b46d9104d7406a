/* strip: types=s8 tiles=16x4,8x4,4x4 offset=128 uses=halves */
/* Four columns of four rows at a time, by the relaxed dot product. An engine that takes its second
 * factor unsigned has x + 128 there at once; every engine has the sums of its halves. */
EDGERNN_INLINE void edgernn_tile_FORM(const int8_t *w, v128_t x, v128_t *sum) {
#pragma GCC unroll 4
  for (int i = 0; i < ROWS / 4; ++i)
    sum[i] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(wasm_v128_load(w + 16 * i), x, sum[i]);
}

EDGERNN_INLINE v128_t edgernn_raised_FORM(const int8_t *x, const uint16_t *groups, int k) {
  const v128_t four = wasm_v128_load32_splat(x + (groups ? groups[k] : k) * COLS);
  return wasm_v128_xor(four, wasm_i8x16_const_splat(-128));
}

/* sum[2][ROWS / 4] += of every other tile each */
EDGERNN_INLINE void edgernn_bytes_FORM(const int8_t *w, const int8_t *x, const uint16_t *groups,
                                       int count, v128_t (*sum)[ROWS / 4]) {
  const v128_t top = wasm_i8x16_const_splat(-128);
  int k = 0;
  for (; !groups && k + 4 <= count; k += 4) {
    const int8_t *const v = w + k * (ROWS * COLS);
    const v128_t u = wasm_v128_xor(wasm_v128_load(x + k * COLS), top);
    edgernn_tile_FORM(v, wasm_i32x4_shuffle(u, u, 0, 0, 0, 0), sum[0]);
    edgernn_tile_FORM(v + ROWS * COLS, wasm_i32x4_shuffle(u, u, 1, 1, 1, 1), sum[1]);
    edgernn_tile_FORM(v + 2 * ROWS * COLS, wasm_i32x4_shuffle(u, u, 2, 2, 2, 2), sum[0]);
    edgernn_tile_FORM(v + 3 * ROWS * COLS, wasm_i32x4_shuffle(u, u, 3, 3, 3, 3), sum[1]);
  }
  for (; k + 2 <= count; k += 2) {
    edgernn_tile_FORM(w + k * (ROWS * COLS), edgernn_raised_FORM(x, groups, k), sum[0]);
    edgernn_tile_FORM(w + (k + 1) * (ROWS * COLS), edgernn_raised_FORM(x, groups, k + 1), sum[1]);
  }
  if (k < count)
    edgernn_tile_FORM(w + k * (ROWS * COLS), edgernn_raised_FORM(x, groups, k), sum[0]);
}

/* sum[2][ROWS / 4] += of either half each */
EDGERNN_INLINE void edgernn_parts_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count,
                                       v128_t (*sum)[ROWS / 4]) {
#pragma GCC unroll 2
  for (int k = 0; k < count; ++k) {
    const int8_t *const v = w + (tiles ? tiles[k] : k) * (ROWS * COLS);
    const v128_t four =
        tiles ? wasm_v128_load32_splat(x + k * COLS) : edgernn_raised_FORM(x, groups, k);
    edgernn_tile_FORM(v, edgernn_first_half(four, !!tiles), sum[0]);
    edgernn_tile_FORM(v, edgernn_second_half(four, !!tiles), sum[1]);
  }
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  const int whole = !tiles && edgernn_dot_is_unsigned();
  v128_t sum[2][ROWS / 4];
#pragma GCC unroll 4
  for (int i = 0; i < ROWS / 4; ++i) sum[0][i] = sum[1][i] = wasm_i32x4_const_splat(0);
  if (whole)
    edgernn_bytes_FORM(w, x, groups, count, sum);
  else
    edgernn_parts_FORM(w, x, tiles, groups, count, sum);
#pragma GCC unroll 4
  for (int i = 0; i < ROWS / 4; ++i) {
    const v128_t rows = whole ? wasm_i32x4_add(sum[0][i], sum[1][i])
                              : edgernn_halves(sum[0][i], sum[1][i], !!tiles);
    wasm_v128_store(acc + 4 * i, wasm_i32x4_add(wasm_v128_load(acc + 4 * i), rows));
  }
}
