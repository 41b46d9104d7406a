/* strip: types=s4,s2 tiles=32x4,16x4,8x4 s4.tiles=32x4,16x4,8x4,4x4 dense=32x4 s4.sparse=16x4:80,8x4:56,4x4:40 s2.sparse=16x4:90 raised prepare=8 uses=vectors */
/* As strip_s8.c, with weights of 4 or 2 bits. They are the unsigned factor, and what they are
 * raised by is taken off. Those that share a byte are not cut apart: sums over bits 0 to 3, less
 * those over bits 0 and 1, are those over bits 2 and 3, shifted left. */
enum {
  EDGERNN_VNNI_BYTES_FORM = ROWS * COLS * BITS / 8,
  EDGERNN_VNNI_PARTS_FORM = 8 / BITS,
  EDGERNN_VNNI_WIDE_FORM = EDGERNN_VNNI_BYTES_FORM < 16 ? 16 : EDGERNN_VNNI_BYTES_FORM
};
typedef int32_t edgernn_vnni_FORM
    __attribute__((vector_size(EDGERNN_VNNI_WIDE_FORM), aligned(1), may_alias));

/* Each group of x, and before it the sum of all groups before: what raised weights add is then one
 * difference. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  int32_t *to = (int32_t *)room, before = 0;
  for (int k = 0; k < groups; ++k, x += 4, to += 2) {
    to[0] = before;
    to[1] = *(const edgernn_vnni_word *)x;
    before += (x[0] + x[1]) + (x[2] + x[3]);
  }
  to[0] = before;
}

EDGERNN_INLINE void edgernn_tile_FORM(edgernn_vnni_FORM *sum, const int8_t *w, const int8_t *x) {
  const edgernn_vnni_FORM four = *(const edgernn_vnni_word *)x - (edgernn_vnni_FORM){0};
  edgernn_vnni_FORM raw = {0};
  __builtin_memcpy(&raw, w, EDGERNN_VNNI_BYTES_FORM);
#pragma GCC unroll 4
  for (int p = 0; p < EDGERNN_VNNI_PARTS_FORM; ++p)
    EDGERNN_DOT(sum[p], raw & (int)EDGERNN_LOW_BITS(BITS * (p + 1)), four);
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  edgernn_vnni_FORM sum[2][EDGERNN_VNNI_PARTS_FORM] = {{{0}}};
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
      edgernn_tile_FORM(sum[i & 1], w + (tiles ? tiles[j] : j) * EDGERNN_VNNI_BYTES_FORM, u);
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
  edgernn_vnni_FORM below = {0};
#pragma GCC unroll 4
  for (int p = 0; p < EDGERNN_VNNI_PARTS_FORM; ++p) {
    const edgernn_vnni_FORM all = sum[0][p] + sum[1][p];
    const edgernn_vnni_FORM rows = ((all - below) >> (BITS * p)) - more;
    int32_t *const to = acc + p * (EDGERNN_VNNI_BYTES_FORM / 4);
    if (EDGERNN_VNNI_BYTES_FORM >= 16)
      *(edgernn_vnni_FORM *)to += rows;
    else
      for (int r = 0; r < EDGERNN_VNNI_BYTES_FORM / 4; ++r) to[r] += rows[r];
    below = all;
  }
}
