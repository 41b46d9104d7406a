/* strip: types=s8 tiles=64x1,32x1,16x1 delta=64x1 sparse=16x1:52 uses=quads */
/* Single columns. Four of them at a time are laid side by side, two and two, so that a product
 * with a pair of inputs and one pairwise sum serve two columns; see strip_s8.c for the 16 bits. */
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
    const int8x16_t u = edgernn_in_pairs(four[0], four[1]);
    const int8x16_t v = edgernn_in_pairs(four[2], four[3]);
#pragma GCC unroll 4
    for (int i = 0; i < ROWS / 16; ++i) {
      const int8x16_t a = vld1q_s8(p[0] + 16 * i), b = vld1q_s8(p[1] + 16 * i);
      const int8x16_t c = vld1q_s8(p[2] + 16 * i), d = vld1q_s8(p[3] + 16 * i);
      const int8x16_t ab[2] = {vzip1q_s8(a, b), vzip2q_s8(a, b)};
      const int8x16_t cd[2] = {vzip1q_s8(c, d), vzip2q_s8(c, d)};
#pragma GCC unroll 2
      for (int h = 0; h < 2; ++h) {
        int32x4_t *const s = sum + 4 * i + 2 * h;
        const int16x8_t low = vmull_s8(vget_low_s8(ab[h]), vget_low_s8(u));
        const int16x8_t high = vmull_high_s8(ab[h], u);
        s[0] = vpadalq_s16(s[0], vmlal_s8(low, vget_low_s8(cd[h]), vget_low_s8(v)));
        s[1] = vpadalq_s16(s[1], vmlal_high_s8(high, cd[h], v));
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < ROWS / 4; ++i) vst1q_s32(acc + 4 * i, sum[i]);
}
