/* acc[n] += gain[n] * part[n]: the products of a chunk of columns, as much as they count in their
 * rows. */
EDGERNN_INLINE void edgernn_gain_rows(int32_t *restrict acc, const uint8_t *restrict gain,
                                      const int32_t *restrict part, int n) {
  for (int i = 0; i < n; ++i) acc[i] += gain[i] * part[i];
}
