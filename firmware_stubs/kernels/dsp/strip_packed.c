/* strip: types=s4,s2 tiles=4x4 dense=4x4 block=4x4 sparse=4x4:22 prepare=8 uses=words */
/* Four rows of 4-bit or 2-bit weights on SMLAD. A byte of a tile holds the weights of one column,
 * so a shift and a mask put those of two columns at the top of two halfwords, which is 4096 or
 * 16384 times their values; at most 480 columns at a time stay within 32 bits. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  int32_t *pair = (int32_t *)room;
  for (int k = 0; k < groups; ++k, pair += 2) {
    const uint32_t v = *(const edgernn_word *)(x + 4 * k);
    pair[0] = __builtin_arm_sxtb16((int32_t)v);
    pair[1] = __builtin_arm_sxtb16((int32_t)(v >> 8 | v << 24));
  }
}

/* row `at` of a tile, whose four columns have their `low`-th bits there, on to a sum */
EDGERNN_INLINE int32_t edgernn_row_FORM(uint32_t v, int low, int32_t even, int32_t odd,
                                        int32_t sum) {
  const uint32_t top = BITS == 4 ? 0xf000f000u : 0xc000c000u;
  sum = __builtin_arm_smlad((int32_t)(v << (16 - BITS - low) & top), even, sum);
  return __builtin_arm_smlad((int32_t)((low > 8 - BITS ? v >> (low + BITS - 8)
                                                       : v << (8 - BITS - low)) & top), odd, sum);
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  const int by_groups = EDGERNN_LISTED(groups), by_tiles = EDGERNN_LISTED(tiles);
  for (int first = 0; first < count; first += 120) {
    const int end = count - first < 120 ? count : first + 120;
    int32_t a = 0, b = 0, c = 0, d = 0;
    for (int k = first; k < end; ++k) {
      const edgernn_word *const v = (const edgernn_word *)(w + (by_tiles ? tiles[k] : k) * (2 * BITS));
      const int32_t *const pair = (const int32_t *)(x + (by_groups ? groups[k] : k) * 8);
      const int32_t even = pair[0], odd = pair[1];
      a = edgernn_row_FORM(v[0], 0, even, odd, a);
      b = edgernn_row_FORM(BITS == 4 ? v[1] : v[0], BITS == 4 ? 0 : 2, even, odd, b);
      c = edgernn_row_FORM(v[0], 4, even, odd, c);
      d = edgernn_row_FORM(BITS == 4 ? v[1] : v[0], BITS == 4 ? 4 : 6, even, odd, d);
    }
    acc[0] += a >> (16 - BITS);
    acc[1] += b >> (16 - BITS);
    acc[2] += c >> (16 - BITS);
    acc[3] += d >> (16 - BITS);
  }
}
