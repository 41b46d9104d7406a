/* strip: types=s4,s2 tiles=64x1 delta=64x1 uses=quads */
/* Single columns of 4-bit or 2-bit weights: the products of 32 columns are summed in 16 bits. */
EDGERNN_INLINE void edgernn_column_FORM(const int8_t *w, int8x16_t x, int16x8_t *sum) {
#pragma GCC unroll 2
  for (int i = 0; i < BITS / 2; ++i) {
    const int8x16_t packed = vld1q_s8(w + 16 * i);
#pragma GCC unroll 4
    for (int part = 0; part < 8 / BITS; ++part) {
      const int up = 8 - BITS - part * BITS;
      const int8x16_t top = up ? vshlq_s8(packed, vdupq_n_s8((int8_t)up)) : packed;
      const int8x16_t rows = vshrq_n_s8(top, 8 - BITS);
      int16x8_t *const s = sum + 2 * (part * (BITS / 2) + i);
      s[0] = vmlal_s8(s[0], vget_low_s8(rows), vget_low_s8(x));
      s[1] = vmlal_high_s8(s[1], rows, x);
    }
  }
}

/* sum[ROWS / 8] = rows of columns first to end, at most 32 of them */
EDGERNN_INLINE void edgernn_columns_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                         const uint16_t *groups, int first, int end,
                                         int16x8_t *sum) {
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 8; ++i) sum[i] = vdupq_n_s16(0);
#pragma GCC unroll 2
  for (int k = first; k < end; ++k)
    edgernn_column_FORM(w + (tiles ? tiles[k] : k) * (ROWS * COLS * BITS / 8),
                        edgernn_everywhere(x[groups ? groups[k] : k]), sum);
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  for (int done = 0; done < count; done += 32) {
    int16x8_t sum[ROWS / 8];
    edgernn_columns_FORM(w, x, tiles, groups, done, count - done < 32 ? count : done + 32, sum);
#pragma GCC unroll 8
    for (int i = 0; i < ROWS / 8; ++i) {
      int32_t *const y = acc + 8 * i;
      vst1q_s32(y, vaddw_s16(vld1q_s32(y), vget_low_s16(sum[i])));
      vst1q_s32(y + 4, vaddw_high_s16(vld1q_s32(y + 4), sum[i]));
    }
  }
}

EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
#pragma GCC unroll 1
  for (int done = 0; done < count; done += 32) {
    int16x8_t sum[ROWS / 8];
    edgernn_columns_FORM(w, x, tiles, groups, done, count - done < 32 ? count : done + 32, sum);
#pragma GCC unroll 8
    for (int i = 0; i < ROWS / 8; ++i) edgernn_eight_gains(sums + 8 * i, sum[i], gain + 8 * i);
  }
}
