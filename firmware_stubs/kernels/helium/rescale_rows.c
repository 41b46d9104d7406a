/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row, four rows at once; see
 * edgernn_rescale. */
#define EDGERNN_RESCALE4(FROM, TO) \
  "vldrw.u32 q0, [%0, #" FROM "]\n vldrw.u32 q1, [%1, #" FROM "]\n vshl.s32 q0, %2\n" \
  "vmulh.s32 q0, q0, q1\n vrshl.s32 q0, %3\n vqmovnb.s32 q0, q0\n vstrh.32 q0, [%4, #" TO "]\n"

EDGERNN_INLINE void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult,
                                         int lead, int shift, int16_t *restrict y, int n) {
  for (; n >= 8; n -= 8, acc += 8, mult += 8, y += 8)
    __asm__ volatile(EDGERNN_RESCALE4("0", "0") EDGERNN_RESCALE4("16", "8")
                     :
                     : "r"(acc), "r"(mult), "r"(lead), "r"(-shift), "l"(y)
                     : "q0", "q1", "memory");
  for (int i = 0; i < n; ++i) y[i] = edgernn_rescale(acc[i], mult[i], lead, shift);
}
#undef EDGERNN_RESCALE4
