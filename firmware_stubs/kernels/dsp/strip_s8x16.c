/* strip: types=s8x16 tiles=4x4 dense=4x4 sparse=4x4:26 prepare=8 uses=words */
/* Four rows of int8 weights on SMLAD, 16-bit inputs: columns 0 and 2, 1 and 3 as SXTB16 unpacks
 * the weights. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int16_t *x, int groups, int8_t *room) {
  uint32_t *pair = (uint32_t *)room;
  for (int k = 0; k < groups; ++k, pair += 2) {
    const edgernn_word *const v = (const edgernn_word *)(x + 4 * k);
    pair[0] = (v[0] & 0xffffu) | v[1] << 16;
    pair[1] = v[0] >> 16 | (v[1] & 0xffff0000u);
  }
}

EDGERNN_INLINE int32_t edgernn_row_FORM(uint32_t v, int32_t even, int32_t odd, int32_t sum) {
  sum = __builtin_arm_smlad(__builtin_arm_sxtb16((int32_t)v), even, sum);
  return __builtin_arm_smlad(__builtin_arm_sxtb16((int32_t)(v >> 8 | v << 24)), odd, sum);
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  const int by_groups = EDGERNN_LISTED(groups), by_tiles = EDGERNN_LISTED(tiles);
  int32_t a = acc[0], b = acc[1], c = acc[2], d = acc[3];
  for (int k = 0; k < count; ++k) {
    const edgernn_word *const v = (const edgernn_word *)(w + (by_tiles ? tiles[k] : k) * 16);
    const int32_t *const pair =
        (const int32_t *)(x + (by_groups ? groups[k] : k) * 8);
    const int32_t even = pair[0], odd = pair[1];
    a = edgernn_row_FORM(v[0], even, odd, a);
    b = edgernn_row_FORM(v[1], even, odd, b);
    c = edgernn_row_FORM(v[2], even, odd, c);
    d = edgernn_row_FORM(v[3], even, odd, d);
  }
  acc[0] = a;
  acc[1] = b;
  acc[2] = c;
  acc[3] = d;
}
