/* strip: types=s8,s4 tiles=16x1 sparse=16x1:30 s8.offset=128 s4.raised interleave=4 uses=vectors */
/* Sixteen rows of single columns, for sparse products: four stored columns lie row by row in one
 * another, and their elements of x are gathered. */
typedef int32_t edgernn_vnni_FORM __attribute__((vector_size(8 * BITS), aligned(1), may_alias));

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  const edgernn_vnni_16 ones = 0x01010101 - (edgernn_vnni_16){0};
  edgernn_vnni_FORM low = {0}, all = {0};
  edgernn_vnni_16 met = {0};
  (void)tiles;
  for (int k = 0; k < count; k += 4, w += 8 * BITS) {
    uint32_t four = 0;
    edgernn_vnni_page(w, 8 * BITS);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j)
      four |= (uint32_t)(uint8_t)x[groups ? groups[k + j] : k + j] << (8 * j);
    if (BITS == 8) four ^= 0x80808080u;
    const edgernn_vnni_FORM raw = *(const edgernn_vnni_FORM *)w;
    const edgernn_vnni_FORM u = (int)four - (edgernn_vnni_FORM){0};
    if (BITS == 8) {
      EDGERNN_DOT(all, u, raw);
    } else {
      EDGERNN_DOT(all, raw, u);
      EDGERNN_DOT(low, raw & 0x0f0f0f0f, u);
      EDGERNN_DOT(met, ones, ((edgernn_vnni_16){(int)four}));
    }
  }
#if BITS == 8
  *(edgernn_vnni_FORM *)acc += all;
#else
  all = ((all - low) >> 4) - 8 * met[0];
  low -= 8 * met[0];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) /* a byte holds elements of neighbouring pairs of rows */
    ((edgernn_vnni_16 *)acc)[i] +=
        (edgernn_vnni_16){low[2 * i], low[2 * i + 1], all[2 * i], all[2 * i + 1]};
#endif
}
