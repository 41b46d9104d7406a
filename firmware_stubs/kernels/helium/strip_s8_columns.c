/* strip: types=s8 tiles=1x1 delta=1x1 prepare=1 columns=256 uses=passes */
/* Single columns of a matrix that lies row by row: a row's listed weights are gathered by offsets
 * of 8 bits, sixteen at once. This strip is one row; delta_int.c takes four at a time. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  for (int k = 0; k < groups; ++k) room[k] = x[k];
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  (void)groups;
  for (int k = 0; k < count; ++k) acc[0] += w[tiles ? tiles[k] : k] * (int32_t)x[k];
}
