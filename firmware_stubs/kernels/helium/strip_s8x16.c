/* strip: types=s8x16 tiles=8x8 dense=8x8 */
/* Eight rows of int8 weights on 16-bit inputs, eight columns at once, in two passes of four. */
#define EDGERNN_ROWS4(AT) \
  "ldrd r0, r2, [%[acc], #" AT "]\n ldrd r4, r6, [%[acc], #" AT " + 8]\n wls lr, %[k], 2f\n" \
  "1: vldrh.u16 q0, [%[x]], #16\n vldrb.s16 q1, [%[w]], #8\n vldrb.s16 q2, [%[w]], #8\n" \
  "vmladava.s16 r0, q0, q1\n vldrb.s16 q1, [%[w]], #8\n vmladava.s16 r2, q0, q2\n" \
  "vldrb.s16 q2, [%[w]], #40\n vmladava.s16 r4, q0, q1\n vmladava.s16 r6, q0, q2\n le lr, 1b\n" \
  "2: strd r0, r2, [%[acc], #" AT "]\n strd r4, r6, [%[acc], #" AT " + 8]\n"

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int16_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  (void)tiles;
  (void)groups;
  __asm__ volatile(EDGERNN_ROWS4("0") "sub %[x], %[x], %[k], lsl #4\n"
                   "sub %[w], %[w], %[k], lsl #6\n adds %[w], #32\n" EDGERNN_ROWS4("16")
                   : [w] "+l"(w), [x] "+r"(x)
                   : [k] "r"(count), [acc] "r"(acc)
                   : "r0", "r2", "r4", "r6", "lr", "q0", "q1", "q2", "cc", "memory");
}
#undef EDGERNN_ROWS4
