/* strip: types=s8 tiles=64x4,32x4,16x4,8x4,4x4 dense=32x4 block=64x4 sparse=16x4:70,8x4:48,4x4:40 offset=128 uses=vectors */
/* Four columns at a time, rows in the lanes, four tiles side by side. x + 128 is the unsigned
 * factor; where x lists what has moved, the weights + 128 are, and what that adds is taken off. */
typedef int32_t edgernn_vnni_FORM
    __attribute__((vector_size(ROWS < 16 ? 4 * ROWS : 64), aligned(1), may_alias));

EDGERNN_INLINE void edgernn_tile_FORM(edgernn_vnni_FORM *sum, const int8_t *w, const int8_t *x,
                                      int raised) {
  const int top = (int)0x80808080u;
  edgernn_vnni_FORM four = *(const edgernn_vnni_word *)x - (edgernn_vnni_FORM){0};
  if (!raised) four ^= top;
#pragma GCC unroll 4
  for (int i = 0; i < (ROWS > 16 ? ROWS / 16 : 1); ++i) {
    const edgernn_vnni_FORM v = *(const edgernn_vnni_FORM *)(w + 64 * i);
    if (raised)
      EDGERNN_DOT(sum[i], v ^ top, four);
    else
      EDGERNN_DOT(sum[i], four, v);
  }
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  edgernn_vnni_FORM sum[4][ROWS > 16 ? ROWS / 16 : 1] = {{{0}}};
  edgernn_vnni_64 more = {0};
  if (tiles) more = edgernn_vnni_total(x, 4 * count, 128);
  int k = 0;
  for (; k + 4 <= count; k += 4) {
    if (!tiles) edgernn_vnni_page(w + k * (ROWS * COLS), 4 * (ROWS * COLS));
#pragma GCC unroll 4
    for (int j = k; j < k + 4; ++j)
      edgernn_tile_FORM(sum[j - k], w + (tiles ? tiles[j] : j) * (ROWS * COLS),
                        x + (groups ? groups[j] : j) * COLS, tiles != 0);
  }
#pragma GCC unroll 1
  for (int left = count & 3; left > 0; --left, ++k)
    edgernn_tile_FORM(sum[0], w + (tiles ? tiles[k] : k) * (ROWS * COLS),
                      x + (groups ? groups[k] : k) * COLS, tiles != 0);
#pragma GCC unroll 4
  for (int i = 0; i < (ROWS > 16 ? ROWS / 16 : 1); ++i)
    *(edgernn_vnni_FORM *)(acc + 16 * i) +=
        (sum[0][i] + sum[1][i]) + (sum[2][i] + sum[3][i]) - *(const edgernn_vnni_FORM *)&more;
}
