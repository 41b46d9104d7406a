/* strip: types=s8 tiles=64x1,32x1,16x1 delta=64x1 sparse=16x1:52 uses=inputs */
/* Single columns: four of them are interleaved, so that SDOT sees the four weights of a row side by
 * side. */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  int32x4_t sum[ROWS / 4];
#pragma GCC unroll 16
  for (int i = 0; i < ROWS / 4; ++i) sum[i] = vld1q_s32(acc + 4 * i);
  for (int k = 0; k < count; k += 4) {
    const int8_t *p[4];
    int8_t four[4];
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      p[c] = w + (tiles ? tiles[k + c] : k + c) * ROWS;
      four[c] = x[groups ? groups[k + c] : k + c];
    }
    const int8x16_t u = edgernn_four(groups ? four : x + k);
#pragma GCC unroll 4
    for (int i = 0; i < ROWS / 16; ++i) {
      const int8x16_t a = vld1q_s8(p[0] + 16 * i), b = vld1q_s8(p[1] + 16 * i);
      const int8x16_t c = vld1q_s8(p[2] + 16 * i), d = vld1q_s8(p[3] + 16 * i);
      const int8x16_t ab[2] = {vzip1q_s8(a, b), vzip2q_s8(a, b)};
      const int8x16_t cd[2] = {vzip1q_s8(c, d), vzip2q_s8(c, d)};
#pragma GCC unroll 2
      for (int h = 0; h < 2; ++h) {
        const int16x8_t left = vreinterpretq_s16_s8(ab[h]), right = vreinterpretq_s16_s8(cd[h]);
        int32x4_t *const s = sum + 4 * i + 2 * h;
        s[0] = edgernn_dot(s[0], vreinterpretq_s8_s16(vzip1q_s16(left, right)), u, 0);
        s[1] = edgernn_dot(s[1], vreinterpretq_s8_s16(vzip2q_s16(left, right)), u, 0);
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < ROWS / 4; ++i) vst1q_s32(acc + 4 * i, sum[i]);
}
