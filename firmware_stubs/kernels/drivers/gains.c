/* sums[ROWS] += gain times the products of the tiles of one chunk of columns. A strip may have such
 * a function of its own, and keep the sums in an order that suits it: see edgernn_rows. */
EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
  int32_t part[ROWS] = {0};
  edgernn_strip_FORM(w, x, tiles, groups, count, part);
  for (int i = 0; i < ROWS; ++i) sums[i] += gain[i] * part[i];
}
