/* strip: types=s4,s2 tiles=8x16 dense=8x16 */
/* Eight rows of 4-bit or 2-bit weights in two passes of four. A byte holds one column of several
 * rows; shifted to its top and masked, a weight is 16 or 64 times its value. */
#if BITS == 4
#define EDGERNN_ROWS4 /* two vectors of two rows each */ \
  "vldrb.u8 q1, [%[w]], #16\n vshl.i8 q2, q1, #4\n vand q1, q1, q3\n" \
  "vmladava.s8 r0, q0, q2\n vmladava.s8 r4, q0, q1\n" \
  "vldrb.u8 q1, [%[w]], #48\n vshl.i8 q2, q1, #4\n vand q1, q1, q3\n" \
  "vmladava.s8 r2, q0, q2\n vmladava.s8 r6, q0, q1\n"
#else
#define EDGERNN_ROWS4 /* one vector of four rows */ \
  "vldrb.u8 q1, [%[w]], #32\n vshl.i8 q2, q1, #6\n vmladava.s8 r0, q0, q2\n" \
  "vshl.i8 q2, q1, #4\n vand q2, q2, q3\n vmladava.s8 r2, q0, q2\n" \
  "vshl.i8 q2, q1, #2\n vand q2, q2, q3\n vmladava.s8 r4, q0, q2\n" \
  "vand q1, q1, q3\n vmladava.s8 r6, q0, q1\n"
#endif

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  (void)tiles;
  (void)groups;
  for (int pass = 0; pass < 2; ++pass) {
    const int8_t *v = w + (BITS == 4 ? 32 : 16) * pass, *u = x;
    register int32_t a __asm__("r0") = 0;
    register int32_t b __asm__("r2") = 0;
    register int32_t c __asm__("r4") = 0;
    register int32_t d __asm__("r6") = 0;
    __asm__ volatile("vmov.i8 q3, #(0x100 - (1 << (8 - BITS)))\n wls lr, %[k], 2f\n"
                     "1: vldrb.u8 q0, [%[x]], #16\n" EDGERNN_ROWS4 "le lr, 1b\n2:\n"
                     : [w] "+r"(v), [x] "+r"(u), "+r"(a), "+r"(b), "+r"(c), "+r"(d)
                     : [k] "r"(count)
                     : "lr", "q0", "q1", "q2", "q3", "memory");
    /* the rows of a pass: 0, 1, 4, 5 of 4-bit weights, 0, 2, 4, 6 of 2-bit ones */
    int32_t *const rows = acc + (BITS == 4 ? 2 : 1) * pass;
    rows[0] += a >> (8 - BITS);
    rows[BITS == 4 ? 1 : 2] += b >> (8 - BITS);
    rows[4] += c >> (8 - BITS);
    rows[BITS == 4 ? 5 : 6] += d >> (8 - BITS);
  }
}
#undef EDGERNN_ROWS4
