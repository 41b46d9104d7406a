/* strip: types=s8x16 tiles=16x1,16x4 dense=16x1 delta=16x1 block=16x4 sparse=16x1:24 by_column uses=lanes */
/* Columns against 16-bit inputs: weights are widened, two columns interleaved, so that a dot
 * product of pairs serves both. */
EDGERNN_INLINE void edgernn_two_FORM(const int8_t *p, const int8_t *q, uint32_t a, uint32_t b,
                                     v128_t *sum) {
  const v128_t x = wasm_i32x4_splat((int32_t)((a & 0xffffu) | b << 16));
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    const v128_t u = wasm_i16x8_load8x8(p + 8 * i), v = wasm_i16x8_load8x8(q + 8 * i);
    const v128_t low = wasm_i16x8_shuffle(u, v, 0, 8, 1, 9, 2, 10, 3, 11);
    const v128_t high = wasm_i16x8_shuffle(u, v, 4, 12, 5, 13, 6, 14, 7, 15);
    sum[2 * i] = wasm_i32x4_add(sum[2 * i], wasm_i32x4_dot_i16x8(low, x));
    sum[2 * i + 1] = wasm_i32x4_add(sum[2 * i + 1], wasm_i32x4_dot_i16x8(high, x));
  }
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int16_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  v128_t sum[ROWS / 4];
#pragma GCC unroll 4
  for (int i = 0; i < ROWS / 4; ++i) sum[i] = wasm_v128_load(acc + 4 * i);
  int k = 0;
  for (; COLS == 4 && k < count; ++k) {
    const int8_t *const v = w + (tiles ? tiles[k] : k) * (4 * ROWS);
    const int16_t *const u = x + (groups ? groups[k] : k) * 4;
    edgernn_two_FORM(v, v + ROWS, (uint32_t)u[0], (uint32_t)u[1], sum);
    edgernn_two_FORM(v + 2 * ROWS, v + 3 * ROWS, (uint32_t)u[2], (uint32_t)u[3], sum);
  }
  for (; k + 2 <= count; k += 2)
    edgernn_two_FORM(w + (tiles ? tiles[k] : k) * ROWS, w + (tiles ? tiles[k + 1] : k + 1) * ROWS,
                     (uint32_t)x[groups ? groups[k] : k],
                     (uint32_t)x[groups ? groups[k + 1] : k + 1], sum);
  if (k < count) {
    const int8_t *const last = w + (tiles ? tiles[k] : k) * ROWS;
    edgernn_two_FORM(last, last, (uint32_t)x[groups ? groups[k] : k], 0, sum);
  }
#pragma GCC unroll 4
  for (int i = 0; i < ROWS / 4; ++i) wasm_v128_store(acc + 4 * i, sum[i]);
}
