/* strip: types=s8 tiles=8x4,4x4 sparse=8x4:35,4x4:18 prepare=4 interleave=4 */
/* Zero blocks of int8 weights: four listed groups of four columns are gathered into one vector,
 * and the tiles lie four by four, row by row in one another, so that a row's sixteen weights are
 * one vector too. x is copied to where words can be gathered. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  for (int k = 0; k < groups * 4; ++k) room[k] = x[k];
}

#define EDGERNN_ROWS4(AT) \
  "ldrd r0, r2, [%[acc], #" AT "]\n ldrd r4, r6, [%[acc], #" AT " + 8]\n wls lr, %[k], 2f\n" \
  "1: vldrh.u32 q3, [%[groups]], #8\n vldrb.u8 q1, [%[w]], #16\n" \
  "vldrw.u32 q0, [%[x], q3, uxtw #2]\n vldrb.u8 q2, [%[w]], #16\n" \
  "vmladava.s8 r0, q0, q1\n vldrb.u8 q1, [%[w]], #16\n vmladava.s8 r2, q0, q2\n" \
  "vldrb.u8 q2, [%[w]], #(ROWS * 16 - 48)\n vmladava.s8 r4, q0, q1\n" \
  "vmladava.s8 r6, q0, q2\n le lr, 1b\n" \
  "2: strd r0, r2, [%[acc], #" AT "]\n strd r4, r6, [%[acc], #" AT " + 8]\n"
#if ROWS == 8
#define EDGERNN_MORE \
  "sub %[groups], %[groups], %[k], lsl #3\n sub %[w], %[w], %[k], lsl #7\n" \
  "adds %[w], #64\n" EDGERNN_ROWS4("16")
#else
#define EDGERNN_MORE ""
#endif

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  (void)tiles;
  __asm__ volatile(EDGERNN_ROWS4("0") EDGERNN_MORE
                   : [w] "+r"(w), [groups] "+l"(groups)
                   : [x] "r"(x), [k] "r"(count >> 2), [acc] "r"(acc)
                   : "r0", "r2", "r4", "r6", "lr", "q0", "q1", "q2", "q3", "cc", "memory");
}
#undef EDGERNN_ROWS4
#undef EDGERNN_MORE
