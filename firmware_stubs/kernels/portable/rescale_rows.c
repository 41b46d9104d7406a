/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row; see edgernn_rescale. */
EDGERNN_INLINE void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult,
                                         int lead, int shift, int16_t *restrict y, int n) {
  for (int i = 0; i < n; ++i) y[i] = edgernn_rescale(acc[i], mult[i], lead, shift);
}
