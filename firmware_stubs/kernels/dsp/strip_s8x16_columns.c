/* strip: types=s8x16 tiles=4x1 delta=4x1 uses=words */
/* Single columns of four rows against 16-bit moves: SXTB16 unpacks rows 0 and 2, 1 and 3, and each
 * half is a factor of SMLABB or SMLATB. */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int16_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  const int by_tiles = EDGERNN_LISTED(tiles);
  int32_t a = acc[0], b = acc[1], c = acc[2], d = acc[3];
  (void)groups;
  for (int k = 0; k < count; ++k) {
    const uint32_t v = *(const edgernn_word *)(w + (by_tiles ? tiles[k] : k) * 4);
    const int32_t u = x[k], even = __builtin_arm_sxtb16((int32_t)v);
    const int32_t odd = __builtin_arm_sxtb16((int32_t)(v >> 8 | v << 24));
    a += (int16_t)even * u;
    b += (int16_t)odd * u;
    c += (even >> 16) * u;
    d += (odd >> 16) * u;
  }
  acc[0] = a;
  acc[1] = b;
  acc[2] = c;
  acc[3] = d;
}
