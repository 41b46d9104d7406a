/* strip: types=s8 tiles=32x4,16x4,8x4,4x4 dense=16x4 sparse=16x4:80,8x4:53,4x4:40 uses=inputs */
/* Tiles [ROWS][4] with rows in lanes: SDOT multiplies each quarter of a vector of weights with the
 * same four inputs, and nothing is summed across lanes. */
EDGERNN_INLINE void edgernn_tile_FORM(const int8_t *w, int8x16_t x, int quarter, int32x4_t *sum) {
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 4; ++i) sum[i] = edgernn_dot(sum[i], vld1q_s8(w + 16 * i), x, quarter);
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  int32x4_t sum[ROWS / 4];
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 4; ++i) sum[i] = vld1q_s32(acc + 4 * i);
  int k = 0;
  if (!tiles && !groups) {
#pragma GCC unroll 2
    for (; k + 4 <= count; k += 4) {
      const int8x16_t u = vld1q_s8(x + 4 * k);
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q) edgernn_tile_FORM(w + (k + q) * (ROWS * COLS), u, q, sum);
    }
  } else {
    for (; k + 4 <= count; k += 4)
#pragma GCC unroll 4
      for (int i = k; i < k + 4; ++i)
        edgernn_tile_FORM(w + (tiles ? tiles[i] : i) * (ROWS * COLS),
                          edgernn_four(x + (groups ? groups[i] : i) * COLS), 0, sum);
  }
  for (int end = k + (count & 3); k < end; ++k)
    edgernn_tile_FORM(w + (tiles ? tiles[k] : k) * (ROWS * COLS),
                      edgernn_four(x + (groups ? groups[k] : k) * COLS), 0, sum);
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 4; ++i) vst1q_s32(acc + 4 * i, sum[i]);
}
