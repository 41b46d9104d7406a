/* strip: types=s4,s2 tiles=64x4,32x4,16x4,8x4 s4.tiles=64x4,32x4,16x4,8x4,4x4 dense=64x4,32x4 s4.sparse=16x4:80,8x4:56,4x4:40 s2.sparse=16x4:90 raised prepare=8 uses=words */
/* Four columns at a time of weights of 4 or 2 bits, raised to be unsigned: VPMADDUBSW is exact on
 * them, and eight tiles fit into sums of 16 bits (8 * 2 * 15 * 128 < 2^15). What raising adds is
 * taken off. */
enum {
  EDGERNN_AVX2_BYTES_FORM = ROWS * COLS * BITS / 8,
  EDGERNN_AVX2_WIDE_FORM = EDGERNN_AVX2_BYTES_FORM < 32 ? 16 : 32,
  EDGERNN_AVX2_PIECES_FORM = EDGERNN_AVX2_BYTES_FORM < 32 ? 1 : EDGERNN_AVX2_BYTES_FORM / 32
};
typedef uint16_t edgernn_avx2_u16_FORM
    __attribute__((vector_size(EDGERNN_AVX2_WIDE_FORM), aligned(1), may_alias));
typedef int16_t edgernn_avx2_s16_FORM
    __attribute__((vector_size(EDGERNN_AVX2_WIDE_FORM), aligned(1), may_alias));
typedef int32_t edgernn_avx2_s32_FORM
    __attribute__((vector_size(EDGERNN_AVX2_WIDE_FORM), aligned(1), may_alias));
typedef int8_t edgernn_avx2_gain_FORM
    __attribute__((vector_size(EDGERNN_AVX2_WIDE_FORM / 4), aligned(1), may_alias));

EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  edgernn_avx2_sums(x, groups, room);
}

/* Four unsigned ones times x: sums of neighbours, in 16 bits. */
EDGERNN_INLINE edgernn_avx2_s16_FORM edgernn_pairs_FORM(const int8_t *x) {
  edgernn_avx2_s16_FORM pairs;
  __asm__("vpmaddubsw %2, %1, %0"
          : "=x"(pairs)
          : "x"(0x01010101 - (edgernn_avx2_s32_FORM){0}),
            "x"(*(const edgernn_avx2_word *)x - (edgernn_avx2_s32_FORM){0}));
  return pairs;
}

/* Of a dense product with gains: what the sums of each whole chunk begin with stands in a word of
 * which it has no need. */
EDGERNN_INLINE void edgernn_prepare_chunks_FORM(const int8_t *x, int groups, int8_t *room) {
  edgernn_avx2_sums(x, groups, room);
  for (; groups >= 8; groups -= 8, room += 64) {
    edgernn_avx2_s16_FORM met = {0};
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) met -= edgernn_pairs_FORM(room + 8 * k + 4);
    *(edgernn_avx2_word *)(room + 8) = ((edgernn_avx2_s32_FORM)(met << (BITS - 1)))[0];
  }
}

EDGERNN_INLINE void edgernn_tile_FORM(edgernn_avx2_s16_FORM (*sum)[8 / BITS], const int8_t *w,
                                      const int8_t *x) {
  const int mask = BITS == 4 ? 0x0f0f : 0x0303;
  const edgernn_avx2_s32_FORM four = *(const edgernn_avx2_word *)x - (edgernn_avx2_s32_FORM){0};
#pragma GCC unroll 4
  for (int i = 0; i < EDGERNN_AVX2_PIECES_FORM; ++i) {
    edgernn_avx2_u16_FORM raw = {0};
    __builtin_memcpy(&raw, w + 32 * i, EDGERNN_AVX2_BYTES_FORM < 32 ? EDGERNN_AVX2_BYTES_FORM : 32);
#pragma GCC unroll 4
    for (int p = 0; p < 8 / BITS; ++p) {
      edgernn_avx2_s16_FORM pairs;
      __asm__("vpmaddubsw %2, %1, %0"
              : "=x"(pairs)
              : "x"((raw >> (BITS * p)) & (uint16_t)mask), "x"(four));
      sum[i][p] += pairs;
    }
  }
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  edgernn_avx2_s32_FORM sum[EDGERNN_AVX2_PIECES_FORM][8 / BITS] = {{{0}}};
  edgernn_avx2_s32_FORM met = {0};
  if (!groups) met += *(const int32_t *)(x + 8 * count) - *(const int32_t *)x;
  x += 4;
  for (int k = 0; k < count; k += 8) {
    const edgernn_avx2_s16_FORM ones = 1 - (edgernn_avx2_s16_FORM){0};
    edgernn_avx2_s16_FORM part[EDGERNN_AVX2_PIECES_FORM][8 / BITS] = {{{0}}}, fours = {0};
    const int end = count - k < 8 ? count : k + 8;
    if (!tiles) edgernn_avx2_page(w + k * EDGERNN_AVX2_BYTES_FORM, 8 * EDGERNN_AVX2_BYTES_FORM);
    for (int j = k; j < end; ++j) {
      const int8_t *const u = x + (groups ? groups[j] : j) * 8;
      edgernn_tile_FORM(part, w + (tiles ? tiles[j] : j) * EDGERNN_AVX2_BYTES_FORM, u);
      if (!groups) continue;
      fours += edgernn_pairs_FORM(u);
    }
    edgernn_avx2_s32_FORM wide;
    if (groups) {
      __asm__("vpmaddwd %2, %1, %0" : "=x"(wide) : "x"(fours), "x"(ones));
      met += wide;
    }
#pragma GCC unroll 4
    for (int i = 0; i < EDGERNN_AVX2_PIECES_FORM; ++i)
#pragma GCC unroll 4
      for (int p = 0; p < 8 / BITS; ++p) {
        __asm__("vpmaddwd %2, %1, %0" : "=x"(wide) : "x"(part[i][p]), "x"(ones));
        sum[i][p] += wide;
      }
  }
#pragma GCC unroll 4
  for (int p = 0; p < 8 / BITS; ++p)
#pragma GCC unroll 4
    for (int i = 0; i < EDGERNN_AVX2_PIECES_FORM; ++i) {
      const edgernn_avx2_s32_FORM rows = sum[i][p] - met * (1 << (BITS - 1));
      int32_t *const to = acc + p * (EDGERNN_AVX2_BYTES_FORM / 4) + 8 * i;
      if (EDGERNN_AVX2_BYTES_FORM >= 16)
        *(edgernn_avx2_s32_FORM *)to += rows;
      else
        for (int r = 0; r < EDGERNN_AVX2_BYTES_FORM / 4; ++r) to[r] += rows[r];
    }
}

/* sums += gain times the rows' sums, which lie in two words each: one vpmaddwd does both. */
EDGERNN_INLINE void edgernn_scale_FORM(int32_t *sums, const uint8_t *gain,
                                       edgernn_avx2_s16_FORM (*part)[8 / BITS]) {
#pragma GCC unroll 4
  for (int p = 0; p < 8 / BITS; ++p)
#pragma GCC unroll 4
    for (int i = 0; i < EDGERNN_AVX2_PIECES_FORM; ++i) {
      const int at = p * (EDGERNN_AVX2_BYTES_FORM / 4) + 8 * i;
#if ROWS * BITS >= 32
      edgernn_avx2_s32_FORM by, wide;
      __asm__("vpmovzxbd %1, %0" : "=x"(by) : "m"(*(const edgernn_avx2_gain_FORM *)(gain + at)));
      __asm__("vpmaddwd %2, %1, %0" : "=x"(wide) : "x"(part[i][p]), "x"(by | by << 16));
      *(edgernn_avx2_s32_FORM *)(sums + at) += wide;
#else
      for (int r = 0; r < EDGERNN_AVX2_BYTES_FORM / 4; ++r)
        sums[at + r] += (part[i][p][2 * r] + part[i][p][2 * r + 1]) * gain[at + r];
#endif
    }
}

EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
  const int whole = !tiles && !groups && count == 8;
#pragma GCC unroll 1
  for (int first = 0; first < count; first += 8) {
    const int end = count - first < 8 ? count : first + 8;
    edgernn_avx2_s16_FORM part[EDGERNN_AVX2_PIECES_FORM][8 / BITS], begin = {0};
    if (whole) {
      begin = (edgernn_avx2_s16_FORM)(*(const edgernn_avx2_word *)(x + 8) -
                                      (edgernn_avx2_s32_FORM){0});
    } else {
      for (int k = first; k < end; ++k)
        begin -= edgernn_pairs_FORM(x + (groups ? groups[k] : k) * 8 + 4);
      begin <<= BITS - 1;
    }
#pragma GCC unroll 4
    for (int i = 0; i < EDGERNN_AVX2_PIECES_FORM; ++i)
#pragma GCC unroll 4
      for (int p = 0; p < 8 / BITS; ++p) part[i][p] = begin;
    if (!tiles && !groups) edgernn_avx2_page(w, 8 * EDGERNN_AVX2_BYTES_FORM);
    for (int k = first; k < end; ++k)
      edgernn_tile_FORM(part, w + (tiles ? tiles[k] : k) * EDGERNN_AVX2_BYTES_FORM,
                        x + (groups ? groups[k] : k) * 8 + 4);
    edgernn_scale_FORM(sums, gain, part);
  }
}
