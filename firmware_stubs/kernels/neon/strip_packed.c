/* strip: types=s4,s2 tiles=32x4,16x4,8x4 dense=16x4 sparse=16x4:78,8x4:52 uses=quads */
/* As strip_s8.c, with weights of 4 or 2 bits: their products are so small that 32 tiles are summed
 * in 16 bits (32 * 7 * 128 < 2^15) before a pairwise sum in 32. */
EDGERNN_INLINE int8x16_t edgernn_part_FORM(int8x16_t packed, int part) {
  const int up = 8 - BITS - part * BITS;
  const int8x16_t top = up ? vshlq_s8(packed, vdupq_n_s8((int8_t)up)) : packed;
  return vshrq_n_s8(top, 8 - BITS);
}

EDGERNN_INLINE void edgernn_tile_FORM(const int8_t *w, int8x16_t x, int16x8_t *sum) {
  if (ROWS * BITS >= 32) {
#pragma GCC unroll 4
    for (int i = 0; i < ROWS * BITS / 32; ++i) {
      const int8x16_t packed = vld1q_s8(w + 16 * i);
#pragma GCC unroll 4
      for (int part = 0; part < 8 / BITS; ++part) {
        int16x8_t *const s = sum + 2 * (part * (ROWS * BITS / 32) + i);
        const int8x16_t four = edgernn_part_FORM(packed, part);
        s[0] = vmlal_s8(s[0], vget_low_s8(four), vget_low_s8(x));
        s[1] = vmlal_high_s8(s[1], four, x);
      }
    }
  } else {
    const int8x16_t packed = vcombine_s8(vld1_s8(w), vdup_n_s8(0));
#pragma GCC unroll 4
    for (int part = 0; part < 8 / BITS; ++part) {
      const int8x16_t two = edgernn_part_FORM(packed, part);
      sum[part] = vmlal_s8(sum[part], vget_low_s8(two), vget_low_s8(x));
    }
  }
}

/* sum[ROWS / 2] = two rows of tiles first to end, at most 32 of them, by four columns */
EDGERNN_INLINE void edgernn_tiles_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int first, int end,
                                       int16x8_t *sum) {
  enum { BYTES_FORM = ROWS * COLS * BITS / 8 };
  int k = first;
#pragma GCC unroll 16
  for (int i = 0; i < ROWS / 2; ++i) sum[i] = vdupq_n_s16(0);
  if (!tiles && !groups) {
    for (; k + 4 <= end; k += 4) {
      const int32x4_t all = vreinterpretq_s32_s8(vld1q_s8(x + 4 * k));
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q)
        edgernn_tile_FORM(w + (k + q) * BYTES_FORM, edgernn_in_quarters(all[q]), sum);
    }
  } else {
    for (; k + 4 <= end; k += 4)
#pragma GCC unroll 4
      for (int i = k; i < k + 4; ++i)
        edgernn_tile_FORM(w + (tiles ? tiles[i] : i) * BYTES_FORM,
                          edgernn_quad(x + (groups ? groups[i] : i) * COLS), sum);
  }
  for (const int rest = k + ((end - first) & 3); k < rest; ++k)
    edgernn_tile_FORM(w + (tiles ? tiles[k] : k) * BYTES_FORM,
                      edgernn_quad(x + (groups ? groups[k] : k) * COLS), sum);
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  for (int done = 0; done < count; done += 32) {
    int16x8_t sum[ROWS / 2];
    edgernn_tiles_FORM(w, x, tiles, groups, done, count - done < 32 ? count : done + 32, sum);
#pragma GCC unroll 8
    for (int i = 0; i < ROWS / 4; ++i) {
      const int32x4_t wide = vpaddq_s32(vpaddlq_s16(sum[2 * i]), vpaddlq_s16(sum[2 * i + 1]));
      vst1q_s32(acc + 4 * i, vaddq_s32(vld1q_s32(acc + 4 * i), wide));
    }
  }
}

/* Tiles first to end: of at most 32 columns, so that whole rows fit into 16 bits too. */
EDGERNN_INLINE void edgernn_chunk_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int first, int end,
                                       const uint8_t *gain, int32_t *sums) {
  int16x8_t sum[ROWS / 2];
  edgernn_tiles_FORM(w, x, tiles, groups, first, end, sum);
#pragma GCC unroll 4
  for (int i = 0; i < ROWS / 8; ++i) {
    const int16x8_t low = vpaddq_s16(sum[4 * i], sum[4 * i + 1]);
    const int16x8_t high = vpaddq_s16(sum[4 * i + 2], sum[4 * i + 3]);
    edgernn_eight_gains(sums + 8 * i, vpaddq_s16(low, high), gain + 8 * i);
  }
}

EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
  int done = 0;
#pragma GCC unroll 1
  for (; tiles && count - done > 8; done += 8) /* what has moved far is listed twice */
    edgernn_chunk_FORM(w, x, tiles, groups, done, done + 8, gain, sums);
  edgernn_chunk_FORM(w, x, tiles, groups, done, count, gain, sums);
}
