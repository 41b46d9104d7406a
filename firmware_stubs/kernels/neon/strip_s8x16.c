/* strip: types=s8x16 tiles=16x1,16x4 dense=16x1 delta=16x1 block=16x4 sparse=16x1:23 by_column uses=quads */
/* Columns against 16-bit inputs, four at a time: the weights are widened, each product is of 32
 * bits. */
EDGERNN_INLINE void edgernn_column_FORM(const int8_t *w, int16_t x, int32x4_t *sum) {
  const int8x16_t column = vld1q_s8(w);
  const int16x8_t low = vmovl_s8(vget_low_s8(column)), high = vmovl_high_s8(column);
  sum[0] = vmlal_n_s16(sum[0], vget_low_s16(low), x);
  sum[1] = vmlal_high_n_s16(sum[1], low, x);
  sum[2] = vmlal_n_s16(sum[2], vget_low_s16(high), x);
  sum[3] = vmlal_high_n_s16(sum[3], high, x);
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int16_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  int32x4_t sum[ROWS / 4];
#pragma GCC unroll 4
  for (int i = 0; i < ROWS / 4; ++i) sum[i] = vld1q_s32(acc + 4 * i);
  int k = 0;
  for (; COLS == 1 && k + 4 <= count; k += 4) {
    int16x4_t four;
    if (groups)
      four = (int16x4_t){x[groups[k]], x[groups[k + 1]], x[groups[k + 2]], x[groups[k + 3]]};
    else
      four = vld1_s16(x + k);
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c)
      edgernn_column_FORM(w + (tiles ? tiles[k + c] : k + c) * ROWS, four[c], sum);
  }
  for (; COLS == 4 && k < count; ++k) {
    const int16x4_t four = vld1_s16(x + (groups ? groups[k] : k) * 4);
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c)
      edgernn_column_FORM(w + (tiles ? tiles[k] : k) * (4 * ROWS) + c * ROWS, four[c], sum);
  }
  for (; k < count; ++k)
    edgernn_column_FORM(w + (tiles ? tiles[k] : k) * ROWS, x[groups ? groups[k] : k], sum);
#pragma GCC unroll 4
  for (int i = 0; i < ROWS / 4; ++i) vst1q_s32(acc + 4 * i, sum[i]);
}
