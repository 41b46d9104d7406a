/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row; see edgernn_rescale. SMMLA adds the
 * rounding to the high word of the product. */
EDGERNN_INLINE void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult,
                                         int lead, int shift, int16_t *restrict y, int n) {
  const int32_t half = 1 << (shift - 1);
  for (int i = 0; i < n; ++i) {
    const int32_t wide = (int32_t)((uint32_t)acc[i] << lead);
    int32_t high;
    __asm__("smmla %0, %1, %2, %3" : "=r"(high) : "r"(wide), "r"(mult[i]), "r"(half));
    y[i] = (int16_t)__builtin_arm_ssat(high >> shift, 16);
  }
}
