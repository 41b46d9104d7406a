/* strip: types=s4,s2 tiles=256x1,128x1 delta=256x1,128x1 raised prepare=2 uses=words */
/* Listed columns of weights of 4 or 2 bits, raised, two at a time: their bytes are interleaved, so
 * that VPMADDUBSW meets the two of a row side by side. Sixteen columns fit into sums of 16 bits. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  edgernn_avx2_sums(x, groups / 4, room);
}

/* Columns first to end of a slice of 32 bytes, on to sums of 16 bits: sum[p][0] of its rows 0 to 7
 * and 16 to 23, sum[p][1] of those between and behind. */
EDGERNN_INLINE void edgernn_slice_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       int first, int end, edgernn_avx2_s16x16 (*sum)[2]) {
  enum { BYTES_FORM = ROWS * BITS / 8 };
  const int mask = BITS == 4 ? 0x0f0f : 0x0303;
  for (int k = first; k < end; k += 2) {
    const int8_t *const a = w + (tiles ? tiles[k] : k) * BYTES_FORM;
    const int8_t *const b = w + (tiles ? tiles[k + 1] : k + 1) * BYTES_FORM;
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
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  enum { BYTES_FORM = ROWS * BITS / 8 };
  const int32_t met = *(const int32_t *)(x + 2 * count) - *(const int32_t *)x;
  (void)groups;
#pragma GCC unroll 1
  for (int at = 0; at < BYTES_FORM; at += 32) {
#pragma GCC unroll 1
    for (int start = 0; start < count; start += 16) {
      const int end = count - start < 16 ? count : start + 16;
      edgernn_avx2_s16x16 sum[8 / BITS][2] = {{{0}}};
      edgernn_slice_FORM(w + at, x, tiles, start, end, sum);
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

/* At most 32 columns at a time: 32 * 7 * 127 < 2^15. Sums begin with what raised weights will add
 * too much. Even and odd rows stay apart, so that vpmaddwd multiplies by their gains. */
EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
  enum { BYTES_FORM = ROWS * BITS / 8 };
  (void)groups;
#pragma GCC unroll 1
  for (int first = 0; first < count; first += 32) {
    const int end = count - first < 32 ? count : first + 32;
    const int32_t met = *(const int32_t *)(x + 2 * end) - *(const int32_t *)(x + 2 * first);
    const edgernn_avx2_s16x16 begin =
        (int16_t)(-met * (1 << (BITS - 1))) - (edgernn_avx2_s16x16){0};
#pragma GCC unroll 1
    for (int at = 0; at < BYTES_FORM; at += 32) {
      edgernn_avx2_s16x16 sum[8 / BITS][2];
#pragma GCC unroll 4
      for (int p = 0; p < 8 / BITS; ++p) sum[p][0] = sum[p][1] = begin;
      edgernn_slice_FORM(w + at, x, tiles, first, end, sum);
#pragma GCC unroll 4
      for (int p = 0; p < 8 / BITS; ++p) {
        const edgernn_avx2_s8x32 every = *(const edgernn_avx2_s8x32 *)(gain + p * BYTES_FORM + at);
        edgernn_avx2_s32x8 by[2];
        __asm__("vpunpcklbw %2, %1, %0" : "=x"(by[0]) : "x"(every), "x"((edgernn_avx2_s8x32){0}));
        __asm__("vpunpckhbw %2, %1, %0" : "=x"(by[1]) : "x"(every), "x"((edgernn_avx2_s8x32){0}));
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i) {
          int32_t *const rows = sums + p * BYTES_FORM + at + 16 * i;
          edgernn_avx2_s32x8 *const to = (edgernn_avx2_s32x8 *)rows;
          to[0] = edgernn_avx2_dot(to[0], sum[p][i], (edgernn_avx2_s16x16)(by[i] & 0xffff));
          to[1] = edgernn_avx2_dot(to[1], sum[p][i], (edgernn_avx2_s16x16)(by[i] & ~0xffff));
        }
      }
    }
  }
}

EDGERNN_INLINE void edgernn_rows_FORM(int32_t *restrict acc, const int32_t *restrict sums) {
  for (int at = 0; at < ROWS; at += 16) {
    const edgernn_avx2_s32x8 *const from = (const edgernn_avx2_s32x8 *)(sums + at);
    edgernn_avx2_s32x8 low, high, rows;
    __asm__("vpunpckldq %2, %1, %0" : "=x"(low) : "x"(from[0]), "x"(from[1]));
    __asm__("vpunpckhdq %2, %1, %0" : "=x"(high) : "x"(from[0]), "x"(from[1]));
    int32_t *const to = acc + (at & ~31) + (at & 16) / 2;
    __asm__("vperm2i128 $0x20, %2, %1, %0" : "=x"(rows) : "x"(low), "x"(high));
    *(edgernn_avx2_s32x8 *)to += rows;
    __asm__("vperm2i128 $0x31, %2, %1, %0" : "=x"(rows) : "x"(low), "x"(high));
    *(edgernn_avx2_s32x8 *)(to + 16) += rows;
  }
}
