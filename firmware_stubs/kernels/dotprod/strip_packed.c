/* strip: types=s4,s2 tiles=32x4,16x4,8x4 dense=16x4 sparse=16x4:78,8x4:52 uses=inputs */
/* As strip_s8.c, with weights of 4 or 2 bits. Each stays at the top of its byte, 16 or 64 times too
 * large, which saves the shift down; the sums are exact, so they are shifted once, at the end. */
EDGERNN_INLINE int8x16_t edgernn_part_FORM(int8x16_t packed, int part) {
  const int up = 8 - BITS - part * BITS;
  const int8x16_t top = up ? vshlq_s8(packed, vdupq_n_s8((int8_t)up)) : packed;
  return part ? vandq_s8(top, vdupq_n_s8((int8_t)(0x100 - (1 << (8 - BITS))))) : top;
}

EDGERNN_INLINE void edgernn_tile_FORM(const int8_t *w, int8x16_t x, int quarter, int32x4_t *sum) {
  if (ROWS * BITS >= 32) {
#pragma GCC unroll 4
    for (int i = 0; i < ROWS * BITS / 32; ++i) {
      const int8x16_t packed = vld1q_s8(w + 16 * i);
#pragma GCC unroll 4
      for (int part = 0; part < 8 / BITS; ++part) {
        int32x4_t *const s = sum + part * (ROWS * BITS / 32) + i;
        *s = edgernn_dot(*s, edgernn_part_FORM(packed, part), x, quarter);
      }
    }
  } else {
    const int8x16_t packed = vcombine_s8(vld1_s8(w), vdup_n_s8(0));
#pragma GCC unroll 2
    for (int i = 0; i < ROWS / 4; ++i) {
      const int8x16_t low = edgernn_part_FORM(packed, 2 * i);
      const int8x16_t high = edgernn_part_FORM(packed, 2 * i + 1);
      const int64x2_t both = vzip1q_s64(vreinterpretq_s64_s8(low), vreinterpretq_s64_s8(high));
      sum[i] = edgernn_dot(sum[i], vreinterpretq_s8_s64(both), x, quarter);
    }
  }
}

/* sum[ROWS / 4] = rows of tiles first to end, 16 or 64 times too large */
EDGERNN_INLINE void edgernn_tiles_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int first, int end,
                                       int32x4_t *sum) {
  enum { BYTES_FORM = ROWS * COLS * BITS / 8 };
  int k = first;
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 4; ++i) sum[i] = vdupq_n_s32(0);
  if (!tiles && !groups) {
    for (; k + 4 <= end; k += 4) {
      const int8x16_t u = vld1q_s8(x + 4 * k);
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q) edgernn_tile_FORM(w + (k + q) * BYTES_FORM, u, q, sum);
    }
  } else {
    for (; k + 4 <= end; k += 4)
#pragma GCC unroll 4
      for (int i = k; i < k + 4; ++i)
        edgernn_tile_FORM(w + (tiles ? tiles[i] : i) * BYTES_FORM,
                          edgernn_four(x + (groups ? groups[i] : i) * COLS), 0, sum);
  }
  for (const int rest = k + ((end - first) & 3); k < rest; ++k)
    edgernn_tile_FORM(w + (tiles ? tiles[k] : k) * BYTES_FORM,
                      edgernn_four(x + (groups ? groups[k] : k) * COLS), 0, sum);
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  int32x4_t sum[ROWS / 4];
  edgernn_tiles_FORM(w, x, tiles, groups, 0, count, sum);
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 4; ++i)
    vst1q_s32(acc + 4 * i, vsraq_n_s32(vld1q_s32(acc + 4 * i), sum[i], 8 - BITS));
}

/* Rows of 32 columns fit into 16 bits; what has moved far is listed twice, and may not. */
EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
  int32x4_t sum[ROWS / 4];
  edgernn_tiles_FORM(w, x, tiles, groups, 0, count, sum);
#pragma GCC unroll 4
  for (int i = 0; i < ROWS / 8; ++i) {
    const uint16x8_t by = vmovl_u8(vld1_u8(gain + 8 * i));
    if (tiles) {
      const int32x4_t low = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(by)));
      const int32x4_t high = vreinterpretq_s32_u32(vmovl_high_u16(by));
      int32_t *const to = sums + 8 * i;
      vst1q_s32(to, vmlaq_s32(vld1q_s32(to), vshrq_n_s32(sum[2 * i], 8 - BITS), low));
      vst1q_s32(to + 4, vmlaq_s32(vld1q_s32(to + 4), vshrq_n_s32(sum[2 * i + 1], 8 - BITS), high));
    } else {
      const int16x4_t low = vshrn_n_s32(sum[2 * i], 8 - BITS);
      const int16x8_t rows = vshrn_high_n_s32(low, sum[2 * i + 1], 8 - BITS);
      edgernn_dotprod_gains(sums + 8 * i, rows, vreinterpretq_s16_u16(by));
    }
  }
}
