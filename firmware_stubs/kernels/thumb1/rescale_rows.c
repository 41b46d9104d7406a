/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row; see edgernn_rescale. The high word of a
 * product from four products of halfwords, which is what these cores multiply. */
EDGERNN_INLINE int32_t edgernn_high_word(int32_t a, int32_t b) {
  const int32_t high = a >> 16, low = (int32_t)((uint32_t)a & 0xffffu);
  const int32_t top = b >> 16, rest = (int32_t)((uint32_t)b & 0xffffu);
  const int32_t one = high * rest + (int32_t)((uint32_t)low * (uint32_t)rest >> 16);
  const int32_t two = low * top + (int32_t)((uint32_t)one & 0xffffu);
  return high * top + (one >> 16) + (two >> 16);
}

EDGERNN_INLINE void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult,
                                         int lead, int shift, int16_t *restrict y, int n) {
  const int32_t half = 1 << (shift - 1);
  for (int i = 0; i < n; ++i) {
    const int32_t wide = (int32_t)((uint32_t)acc[i] << lead);
    y[i] = (int16_t)edgernn_sat16((edgernn_high_word(wide, mult[i]) + half) >> shift);
  }
}
