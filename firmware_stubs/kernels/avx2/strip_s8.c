/* strip: types=s8,s8x16 tiles=32x4,16x4,8x4,4x4 s8.tiles=64x4,32x4,16x4,8x4,4x4 dense=32x4 s8.block=64x4 sparse=16x4:75,8x4:48,4x4:40 s8.offset=128 uses=words */
/* Four columns at a time, each row in two neighbouring lanes. Where x is no list of what has moved,
 * x + 128 is the factor, as the AVX-512 strip over the same tables wants it. */
EDGERNN_INLINE edgernn_avx2_s16x16 edgernn_four_FORM(const XTYPE *x, int offset) {
  if (sizeof(XTYPE) == 2) return edgernn_avx2_repeated((const int16_t *)x);
  edgernn_avx2_s16x8 words;
  __asm__("vpmovsxbw %1, %0"
          : "=x"(words)
          : "x"((edgernn_avx2_s32x4){*(const edgernn_avx2_word *)x}));
  edgernn_avx2_s16x16 all;
  __asm__("vpbroadcastq %x1, %0" : "=x"(all) : "x"(words));
  return all + (int16_t)offset;
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const XTYPE *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  enum { TURN_FORM = ROWS > 32 ? 32 : ROWS }; /* rows whose sums fit the registers */
#pragma GCC unroll 1
  for (int r = 0; r < ROWS; r += TURN_FORM) {
    edgernn_avx2_s32x8 sum[TURN_FORM / 4] = {{0}};
    for (int k = 0; k < count; ++k) {
      const int8_t *const v = w + (tiles ? tiles[k] : k) * (ROWS * COLS) + r * COLS;
      const edgernn_avx2_s16x16 four =
          edgernn_four_FORM(x + (groups ? groups[k] : k) * COLS, tiles ? 0 : 128);
      if (!tiles && k % 4 == 0) edgernn_avx2_page(v, 4 * ROWS * COLS);
#pragma GCC unroll 8
      for (int i = 0; i < TURN_FORM / 4; ++i)
        sum[i] = edgernn_avx2_dot(sum[i], edgernn_avx2_signed(v + 16 * i), four);
    }
#pragma GCC unroll 8
    for (int i = 0; i < TURN_FORM / 4; ++i) edgernn_avx2_add_rows(acc + r + 4 * i, sum[i]);
  }
}
