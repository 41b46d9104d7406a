/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row; see edgernn_rescale. SMMLA adds the
 * rounding to the high word of the product. */
EDGERNN_INLINE int32_t edgernn_rescaled(int32_t acc, int32_t mult, int lead, int shift) {
  const int32_t wide = (int32_t)((uint32_t)acc << lead), half = 1 << (shift - 1);
  int32_t high;
  __asm__("smmla %0, %1, %2, %3" : "=r"(high) : "r"(wide), "r"(mult), "r"(half));
  return __builtin_arm_ssat(high >> shift, 16);
}

EDGERNN_INLINE void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult,
                                         int lead, int shift, int16_t *restrict y, int n) {
  typedef uint32_t rows __attribute__((aligned(2), may_alias));
  for (; n >= 4; n -= 4, acc += 4, mult += 4, y += 4) {
    int32_t a = acc[0], b = acc[1], c = acc[2], d = acc[3];
    a = edgernn_rescaled(a, mult[0], lead, shift);
    b = edgernn_rescaled(b, mult[1], lead, shift);
    c = edgernn_rescaled(c, mult[2], lead, shift);
    d = edgernn_rescaled(d, mult[3], lead, shift);
    ((rows *)y)[0] = (a & 0xffffu) | (uint32_t)b << 16;
    ((rows *)y)[1] = (c & 0xffffu) | (uint32_t)d << 16;
  }
  for (int i = 0; i < n; ++i) y[i] = (int16_t)edgernn_rescaled(acc[i], mult[i], lead, shift);
}
