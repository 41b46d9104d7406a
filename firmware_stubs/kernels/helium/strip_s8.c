/* strip: types=s8 tiles=8x16 dense=8x16 */
/* Eight rows of int8 weights, sixteen columns at once, in two passes of four rows: VMLADAVA adds
 * sixteen products to a core register of even number. */
#define EDGERNN_ROWS4(AT) \
  "ldrd r0, r2, [%[acc], #" AT "]\n ldrd r4, r6, [%[acc], #" AT " + 8]\n wls lr, %[k], 2f\n" \
  "1: vldrb.u8 q0, [%[x]], #16\n vldrb.u8 q1, [%[w]], #16\n vldrb.u8 q2, [%[w]], #16\n" \
  "vmladava.s8 r0, q0, q1\n vldrb.u8 q1, [%[w]], #16\n vmladava.s8 r2, q0, q2\n" \
  "vldrb.u8 q2, [%[w]], #80\n vmladava.s8 r4, q0, q1\n vmladava.s8 r6, q0, q2\n le lr, 1b\n" \
  "2: strd r0, r2, [%[acc], #" AT "]\n strd r4, r6, [%[acc], #" AT " + 8]\n"

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  (void)tiles;
  (void)groups;
  __asm__ volatile(EDGERNN_ROWS4("0") "sub %[x], %[x], %[k], lsl #4\n"
                   "sub %[w], %[w], %[k], lsl #7\n adds %[w], #64\n" EDGERNN_ROWS4("16")
                   : [w] "+r"(w), [x] "+r"(x)
                   : [k] "r"(count), [acc] "r"(acc)
                   : "r0", "r2", "r4", "r6", "lr", "q0", "q1", "q2", "cc", "memory");
}
#undef EDGERNN_ROWS4
