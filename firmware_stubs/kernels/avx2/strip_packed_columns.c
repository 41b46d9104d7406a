/* strip: types=s4,s2 tiles=256x1,128x1 delta=256x1,128x1 raised prepare=2 uses=words */
/* Listed columns of weights of 4 or 2 bits, raised, two at a time: their bytes are interleaved, so
 * that VPMADDUBSW meets the two of a row side by side. Sixteen columns fit into sums of 16 bits. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  edgernn_avx2_sums(x, groups / 4, room);
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  enum { BYTES_FORM = ROWS * BITS / 8 };
  const int mask = BITS == 4 ? 0x0f0f : 0x0303;
  const int32_t met = *(const int32_t *)(x + 2 * count) - *(const int32_t *)x;
  (void)groups;
#pragma GCC unroll 1
  for (int at = 0; at < BYTES_FORM; at += 32) {
#pragma GCC unroll 1
    for (int start = 0; start < count; start += 16) {
      const int end = count - start < 16 ? count : start + 16;
      edgernn_avx2_s16x16 sum[8 / BITS][2] = {{{0}}};
      for (int k = start; k < end; k += 2) {
        const int8_t *const a = w + (tiles ? tiles[k] : k) * BYTES_FORM + at;
        const int8_t *const b = w + (tiles ? tiles[k + 1] : k + 1) * BYTES_FORM + at;
        const int8_t *const two = x + 2 * (k & ~3) + 4 + (k & 3);
        const edgernn_avx2_s16x16 pair = *(const edgernn_avx2_half *)two - (edgernn_avx2_s16x16){0};
        edgernn_avx2_u16x16 mixed[2];
        __asm__("vpunpcklbw %2, %1, %0"
                : "=x"(mixed[0])
                : "x"(*(const edgernn_avx2_s8x32 *)a), "x"(*(const edgernn_avx2_s8x32 *)b));
        __asm__("vpunpckhbw %2, %1, %0"
                : "=x"(mixed[1])
                : "x"(*(const edgernn_avx2_s8x32 *)a), "x"(*(const edgernn_avx2_s8x32 *)b));
#pragma GCC unroll 4
        for (int p = 0; p < 8 / BITS; ++p)
#pragma GCC unroll 2
          for (int i = 0; i < 2; ++i) {
            const edgernn_avx2_u16x16 part = (mixed[i] >> (BITS * p)) & (uint16_t)mask;
            edgernn_avx2_s16x16 product;
            __asm__("vpmaddubsw %2, %1, %0" : "=x"(product) : "x"(part), "x"(pair));
            sum[p][i] += product;
          }
      }
      const int32_t more = start ? 0 : met * (1 << (BITS - 1));
#pragma GCC unroll 4
      for (int p = 0; p < 8 / BITS; ++p)
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) { /* rows 0, 16, 8, 24 and the seven after them */
          edgernn_avx2_s32x8 *const to =
              (edgernn_avx2_s32x8 *)(acc + p * BYTES_FORM + at + 8 * (i / 2) + 16 * (i % 2));
          edgernn_avx2_s32x8 wide;
          __asm__("vpmovsxwd %1, %0"
                  : "=x"(wide)
                  : "x"(((const edgernn_avx2_s16x8 *)&sum[p][i / 2])[i % 2]));
          *to += wide - more;
        }
    }
  }
}
