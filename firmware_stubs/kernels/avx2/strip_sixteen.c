/* strip: types=s8,s4 tiles=16x1 sparse=16x1:30 s8.offset=128 s4.raised interleave=4 uses=words */
/* Sixteen rows of single columns, for sparse products: four stored columns lie row by row in one
 * another, and their elements of x are gathered. */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  edgernn_avx2_s32x8 sum[4] = {{0}};
  (void)tiles;
  for (int k = 0; k < count; k += 4, w += 8 * BITS) {
    uint64_t words = 0;
    edgernn_avx2_page(w, 8 * BITS);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const int u = x[groups ? groups[k + j] : k + j] + (BITS == 8 ? 128 : 0);
      words |= (uint64_t)(uint16_t)u << (16 * j);
    }
    const edgernn_avx2_s16x16 four =
        (edgernn_avx2_s16x16)((int64_t)words - (edgernn_avx2_s64x4){0});
#pragma GCC unroll 4
    for (int i = 0; i < BITS / 2; ++i) {
      if (BITS == 8) {
        sum[i] = edgernn_avx2_dot(sum[i], edgernn_avx2_signed(w + 16 * i), four);
      } else { /* a byte holds two elements of neighbouring pairs of rows */
        const edgernn_avx2_s8x16 bytes = *(const edgernn_avx2_s8x16 *)(w + 16 * i);
        const edgernn_avx2_s16x16 both = edgernn_avx2_unsigned(bytes);
        sum[i] = edgernn_avx2_dot(sum[i], (both & 15) - 8, four);
        sum[i + 2] = edgernn_avx2_dot(sum[i + 2], (both >> 4) - 8, four);
      }
    }
  }
#if BITS == 8
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) edgernn_avx2_add_rows(acc + 4 * i, sum[i]);
#else
  int32_t part[16] = {0};
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) edgernn_avx2_add_rows(part + 4 * i, sum[i]);
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    acc[i / 2 * 4 + i % 2] += part[i];
    acc[i / 2 * 4 + 2 + i % 2] += part[8 + i];
  }
#endif
}
