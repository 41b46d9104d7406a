/* strip: types=s4,s2 tiles=64x4,32x4,16x4,8x4 s4.tiles=64x4,32x4,16x4,8x4,4x4 dense=64x4,32x4 s4.sparse=16x4:80,8x4:56,4x4:40 s2.sparse=16x4:90 raised prepare=8 uses=vectors */
/* As strip_s8.c, with weights of 4 or 2 bits. They are the unsigned factor, and what they are
 * raised by is taken off. Those that share a byte are not cut apart: sums over bits 0 to 3, less
 * those over bits 0 and 1, are those over bits 2 and 3, shifted left. */
enum {
  EDGERNN_VNNI_BYTES_FORM = ROWS * COLS * BITS / 8,
  EDGERNN_VNNI_PARTS_FORM = 8 / BITS,
  EDGERNN_VNNI_SLICES_FORM = EDGERNN_VNNI_BYTES_FORM > 64 ? 2 : 1,
  EDGERNN_VNNI_SETS_FORM = EDGERNN_VNNI_BYTES_FORM > 64 ? 1 : 2, /* of sums, tile after tile */
  EDGERNN_VNNI_USED_FORM = EDGERNN_VNNI_BYTES_FORM / EDGERNN_VNNI_SLICES_FORM,
  EDGERNN_VNNI_WIDE_FORM = EDGERNN_VNNI_USED_FORM < 16 ? 16 : EDGERNN_VNNI_USED_FORM
};
typedef int32_t edgernn_vnni_FORM
    __attribute__((vector_size(EDGERNN_VNNI_WIDE_FORM), aligned(1), may_alias));
typedef int8_t edgernn_vnni_gain_FORM
    __attribute__((vector_size(EDGERNN_VNNI_WIDE_FORM / 4), aligned(1), may_alias));

EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  edgernn_vnni_sums(x, groups, room);
}

/* Of a dense product with gains: what the sums of each whole chunk begin with stands in words of
 * which it has no need. */
EDGERNN_INLINE void edgernn_prepare_chunks_FORM(const int8_t *x, int groups, int8_t *room) {
  edgernn_vnni_sums(x, groups, room);
  for (int32_t *to = (int32_t *)room; groups >= 8; groups -= 8, to += 16) {
    const int32_t met = to[16] - to[0];
#pragma GCC unroll 4
    for (int p = 0, raise = 0; p < EDGERNN_VNNI_PARTS_FORM; ++p) {
      raise += 1 << (BITS * (p + 1) - 1);
      to[2 * p + 2] = -met * raise;
    }
  }
}

EDGERNN_INLINE void edgernn_tile_FORM(edgernn_vnni_FORM (*sum)[EDGERNN_VNNI_PARTS_FORM],
                                      const int8_t *w, const int8_t *x) {
  const edgernn_vnni_FORM four = *(const edgernn_vnni_word *)x - (edgernn_vnni_FORM){0};
#pragma GCC unroll 2
  for (int i = 0; i < EDGERNN_VNNI_SLICES_FORM; ++i) {
    edgernn_vnni_FORM raw = {0};
    __builtin_memcpy(&raw, w + 64 * i, EDGERNN_VNNI_USED_FORM);
#pragma GCC unroll 4
    for (int p = 0; p < EDGERNN_VNNI_PARTS_FORM; ++p)
      EDGERNN_DOT(sum[i][p], raw & (int)EDGERNN_LOW_BITS(BITS * (p + 1)), four);
  }
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  edgernn_vnni_FORM sum[2][EDGERNN_VNNI_SLICES_FORM][EDGERNN_VNNI_PARTS_FORM] = {{{{0}}}};
  const edgernn_vnni_16 ones = 0x01010101 - (edgernn_vnni_16){0};
  edgernn_vnni_16 met[4] = {{0}};
  if (!groups) met[0][0] = *(const int32_t *)(x + 8 * count) - *(const int32_t *)x;
  x += 4;
  int k = 0;
  for (; k + 4 <= count; k += 4) {
    if (!tiles) edgernn_vnni_page(w + k * EDGERNN_VNNI_BYTES_FORM, 4 * EDGERNN_VNNI_BYTES_FORM);
#pragma GCC unroll 4
    for (int i = 0, j = k; i < 4; ++i, ++j) {
      const int8_t *const u = x + (groups ? groups[j] : j) * 8;
      edgernn_tile_FORM(sum[i & (EDGERNN_VNNI_SETS_FORM - 1)],
                        w + (tiles ? tiles[j] : j) * EDGERNN_VNNI_BYTES_FORM, u);
      if (groups) EDGERNN_DOT(met[i], ones, ((edgernn_vnni_16){*(const edgernn_vnni_word *)u}));
    }
  }
#pragma GCC unroll 1
  for (int left = count & 3; left > 0; --left, ++k) {
    const int8_t *const u = x + (groups ? groups[k] : k) * 8;
    edgernn_tile_FORM(sum[0], w + (tiles ? tiles[k] : k) * EDGERNN_VNNI_BYTES_FORM, u);
    if (groups) EDGERNN_DOT(met[0], ones, ((edgernn_vnni_16){*(const edgernn_vnni_word *)u}));
  }
  const int32_t more = ((met[0] + met[1]) + (met[2] + met[3]))[0] * (1 << (BITS - 1));
#pragma GCC unroll 2
  for (int i = 0; i < EDGERNN_VNNI_SLICES_FORM; ++i) {
    edgernn_vnni_FORM below = {0};
#pragma GCC unroll 4
    for (int p = 0; p < EDGERNN_VNNI_PARTS_FORM; ++p) {
      const edgernn_vnni_FORM all = sum[0][i][p] + sum[1][i][p];
      const edgernn_vnni_FORM rows = ((all - below) >> (BITS * p)) - more;
      int32_t *const to = acc + p * (EDGERNN_VNNI_BYTES_FORM / 4) + 16 * i;
      if (EDGERNN_VNNI_BYTES_FORM >= 16)
        *(edgernn_vnni_FORM *)to += rows;
      else
        for (int r = 0; r < EDGERNN_VNNI_BYTES_FORM / 4; ++r) to[r] += rows[r];
      below = all;
    }
  }
}

/* What the sums of tiles first to end begin with, for the sum of their x is not at hand. */
EDGERNN_INLINE int32_t edgernn_met_FORM(const int8_t *x, const uint16_t *groups, int first,
                                        int end) {
  if (!groups) return *(const int32_t *)(x + 8 * end) - *(const int32_t *)(x + 8 * first);
  edgernn_vnni_16 met = {0};
#pragma GCC unroll 1
  for (int k = first; k < end; ++k)
    EDGERNN_DOT(met, 0x01010101 - (edgernn_vnni_16){0},
                ((edgernn_vnni_16){*(const edgernn_vnni_word *)(x + groups[k] * 8 + 4)}));
  return met[0];
}

/* sums += gain times the rows' sums, which fit into 16 bits: one vpdpwssd does both. */
EDGERNN_INLINE void edgernn_scale_FORM(int32_t *sums, const uint8_t *gain,
                                       edgernn_vnni_FORM (*sum)[EDGERNN_VNNI_PARTS_FORM]) {
#pragma GCC unroll 2
  for (int i = 0; i < EDGERNN_VNNI_SLICES_FORM; ++i) {
    edgernn_vnni_FORM below = {0};
#pragma GCC unroll 4
    for (int p = 0; p < EDGERNN_VNNI_PARTS_FORM; ++p) {
      const int at = p * (EDGERNN_VNNI_BYTES_FORM / 4) + 16 * i;
      const edgernn_vnni_FORM rows = (sum[i][p] - below) >> (BITS * p);
      below = sum[i][p];
#if ROWS * BITS >= 32
      edgernn_vnni_FORM by;
      __asm__("vpmovzxbd %1, %0" : "=v"(by) : "m"(*(const edgernn_vnni_gain_FORM *)(gain + at)));
      EDGERNN_DOT_WORDS(*(edgernn_vnni_FORM *)(sums + at), rows, by);
#else
      for (int r = 0; r < EDGERNN_VNNI_BYTES_FORM / 4; ++r) sums[at + r] += rows[r] * gain[at + r];
#endif
    }
  }
}

/* At most 32 columns at a time: 32 * 7 * 127 < 2^15. */
EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
  const int whole = !tiles && !groups && count == 8;
#pragma GCC unroll 1
  for (int first = 0; first < count; first += 8) {
    const int end = count - first < 8 ? count : first + 8;
    edgernn_vnni_FORM sum[EDGERNN_VNNI_SLICES_FORM][EDGERNN_VNNI_PARTS_FORM];
    const int32_t met = whole ? 0 : edgernn_met_FORM(x, groups, first, end);
#pragma GCC unroll 4
    for (int p = 0, raise = 0; p < EDGERNN_VNNI_PARTS_FORM; ++p) {
      raise += 1 << (BITS * (p + 1) - 1);
      const int32_t begin = whole ? *(const int32_t *)(x + 8 * p + 8) : -met * raise;
#pragma GCC unroll 2
      for (int i = 0; i < EDGERNN_VNNI_SLICES_FORM; ++i) sum[i][p] = begin - (edgernn_vnni_FORM){0};
    }
    if (!tiles && !groups) edgernn_vnni_page(w, 8 * EDGERNN_VNNI_BYTES_FORM);
#pragma GCC unroll 8
    for (int k = first; k < end; ++k)
      edgernn_tile_FORM(sum, w + (tiles ? tiles[k] : k) * EDGERNN_VNNI_BYTES_FORM,
                        x + (groups ? groups[k] : k) * 8 + 4);
    edgernn_scale_FORM(sums, gain, sum);
  }
}
