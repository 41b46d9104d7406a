/* strip: types=s8 tiles=32x4,16x4,8x4,4x4 dense=16x4 sparse=16x4:80,8x4:53,4x4:40 uses=quads */
/* Tiles [ROWS][4] against four inputs that fill every quarter of a vector. The products of two
 * tiles are summed in 16 bits (2 * 127 * 128 < 2^15) and then, by pairs of columns, in 32: half a
 * row a lane, so only the end of a strip adds across lanes. */
EDGERNN_INLINE void edgernn_pair_FORM(const int8_t *a, const int8_t *b, int8x16_t u, int8x16_t v,
                                      int32x4_t *sum) {
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 4; ++i) {
    const int8x16_t p = vld1q_s8(a + 16 * i), q = vld1q_s8(b + 16 * i);
    const int16x8_t low = vmull_s8(vget_low_s8(p), vget_low_s8(u));
    const int16x8_t high = vmull_high_s8(p, u);
    sum[2 * i] = vpadalq_s16(sum[2 * i], vmlal_s8(low, vget_low_s8(q), vget_low_s8(v)));
    sum[2 * i + 1] = vpadalq_s16(sum[2 * i + 1], vmlal_high_s8(high, q, v));
  }
}

/* The same two tiles as the first of a strip. */
EDGERNN_INLINE void edgernn_begin_FORM(const int8_t *a, const int8_t *b, int8x16_t u, int8x16_t v,
                                       int32x4_t *sum) {
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 4; ++i) {
    const int8x16_t p = vld1q_s8(a + 16 * i), q = vld1q_s8(b + 16 * i);
    const int16x8_t low = vmull_s8(vget_low_s8(p), vget_low_s8(u));
    const int16x8_t high = vmull_high_s8(p, u);
    sum[2 * i] = vpaddlq_s16(vmlal_s8(low, vget_low_s8(q), vget_low_s8(v)));
    sum[2 * i + 1] = vpaddlq_s16(vmlal_high_s8(high, q, v));
  }
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  int32x4_t sum[ROWS / 2];
  int k = 0;
  if (count >= 2) {
    edgernn_begin_FORM(w + (tiles ? tiles[0] : 0) * (ROWS * COLS),
                       w + (tiles ? tiles[1] : 1) * (ROWS * COLS),
                       edgernn_quad(x + (groups ? groups[0] : 0) * COLS),
                       edgernn_quad(x + (groups ? groups[1] : 1) * COLS), sum);
    k = 2;
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < ROWS / 2; ++i) sum[i] = vdupq_n_s32(0);
  }
  if (!tiles && !groups) {
    for (; k + 4 <= count; k += 4) {
      const int32x4_t all = vreinterpretq_s32_s8(vld1q_s8(x + 4 * k));
      const int8_t *const a = w + k * (ROWS * COLS);
      edgernn_pair_FORM(a, a + ROWS * COLS, edgernn_in_quarters(all[0]),
                        edgernn_in_quarters(all[1]), sum);
      edgernn_pair_FORM(a + 2 * ROWS * COLS, a + 3 * ROWS * COLS, edgernn_in_quarters(all[2]),
                        edgernn_in_quarters(all[3]), sum);
    }
  }
#pragma GCC unroll 2
  for (; k + 2 <= count; k += 2) {
    edgernn_pair_FORM(w + (tiles ? tiles[k] : k) * (ROWS * COLS),
                      w + (tiles ? tiles[k + 1] : k + 1) * (ROWS * COLS),
                      edgernn_quad(x + (groups ? groups[k] : k) * COLS),
                      edgernn_quad(x + (groups ? groups[k + 1] : k + 1) * COLS), sum);
  }
  if (k < count) {
    const int8_t *const a = w + (tiles ? tiles[k] : k) * (ROWS * COLS);
    const int8x16_t u = edgernn_quad(x + (groups ? groups[k] : k) * COLS);
#pragma GCC unroll 8
    for (int i = 0; i < ROWS / 4; ++i) {
      const int8x16_t p = vld1q_s8(a + 16 * i);
      sum[2 * i] = vpadalq_s16(sum[2 * i], vmull_s8(vget_low_s8(p), vget_low_s8(u)));
      sum[2 * i + 1] = vpadalq_s16(sum[2 * i + 1], vmull_high_s8(p, u));
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 4; ++i) {
    const int32x4_t four = vpaddq_s32(sum[2 * i], sum[2 * i + 1]);
    vst1q_s32(acc + 4 * i, vaddq_s32(vld1q_s32(acc + 4 * i), four));
  }
}
