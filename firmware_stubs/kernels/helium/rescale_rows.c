/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row, four rows at once; see
 * edgernn_rescale. The rows of a strip need no loop. */
#define EDGERNN_RESCALE4 \
  "vldrw.u32 q0, [%[acc]], #16\n vldrw.u32 q1, [%[mult]], #16\n vshl.s32 q0, %[lead]\n" \
  "vmulh.s32 q0, q0, q1\n vrshl.s32 q0, %[down]\n vqmovnb.s32 q0, q0\n" \
  "vstrh.32 q0, [%[y]], #8\n"

EDGERNN_INLINE void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult,
                                         int lead, int shift, int16_t *restrict y, int n) {
  if (n == 8) {
    __asm__ volatile(EDGERNN_RESCALE4 EDGERNN_RESCALE4
                     : [acc] "+r"(acc), [mult] "+r"(mult), [y] "+l"(y)
                     : [lead] "r"(lead), [down] "r"(-shift)
                     : "q0", "q1", "memory");
    return;
  }
  __asm__ volatile("wls lr, %[fours], 2f\n1: " EDGERNN_RESCALE4 "le lr, 1b\n2:\n"
                   : [acc] "+r"(acc), [mult] "+r"(mult), [y] "+l"(y)
                   : [fours] "r"(n >> 2), [lead] "r"(lead), [down] "r"(-shift)
                   : "lr", "q0", "q1", "memory");
  for (int i = 0; i < (n & 3); ++i) y[i] = edgernn_rescale(acc[i], mult[i], lead, shift);
}
#undef EDGERNN_RESCALE4
