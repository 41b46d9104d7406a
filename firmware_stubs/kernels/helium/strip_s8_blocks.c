/* strip: types=s8 tiles=4x4 sparse=4x4:18 prepare=4 interleave=4 uses=passes */
/* Zero blocks of int8 weights: four listed groups of four columns are gathered into one vector,
 * and the tiles lie four by four, row by row in one another, so that a row's sixteen weights are
 * one vector too. x is copied to where words can be gathered. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  for (int k = 0; k < groups * 4; ++k) room[k] = x[k];
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  register const int8_t *v __asm__("r9") = w;
  (void)tiles;
  __asm__ volatile("ldrd r0, r2, [%[acc]]\n ldrd r4, r6, [%[acc], #8]\n wls lr, %[k], 2f\n"
                   EDGERNN_FOUR_ROWS("vldrh.u32 q3, [%[groups]], #8\n"
                                 "vldrw.u32 q0, [%[x], q3, uxtw #2]\n")
                   "strd r0, r2, [%[acc]]\n strd r4, r6, [%[acc], #8]\n"
                   : "+r"(v), [groups] "+l"(groups)
                   : [x] "r"(x), [k] "r"(count >> 2), [acc] "r"(acc)
                   : "r0", "r2", "r4", "r6", "lr", "q0", "q1", "q2", "q3", "cc", "memory");
}
