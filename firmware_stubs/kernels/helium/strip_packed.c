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

/* A chunk of two tiles stays in registers: sums of rows 0 to 3 and 4 to 7 are collected in q6 and
 * q7, shifted down, and multiplied by their gains at once. */
#if BITS == 4
#define EDGERNN_TILE(AT, X, SUM) /* rows j and j + 4 */ \
  "vldrb.u8 q2, [%[w], #" AT "]\n vshl.i8 q4, q2, #4\n vand q2, q2, q3\n" \
  "vmladav" SUM ".s8 %[a], " X ", q4\n vmladav" SUM ".s8 %[b], " X ", q2\n"
#define EDGERNN_OTHER(AT, X, SUM) \
  "vldrb.u8 q2, [%[w], #" AT "]\n vshl.i8 q4, q2, #4\n vand q2, q2, q3\n" \
  "vmladav" SUM ".s8 %[c], " X ", q4\n vmladav" SUM ".s8 %[d], " X ", q2\n"
#define EDGERNN_HALF(J, K, J1, K1, TOP, LOW) \
  EDGERNN_TILE(J, "q0", "") EDGERNN_OTHER(K, "q0", "") EDGERNN_TILE(J1, "q1", "a") \
  EDGERNN_OTHER(K1, "q1", "a") "vmov q6[" TOP "], q6[" LOW "], %[a], %[c]\n" \
  "vmov q7[" TOP "], q7[" LOW "], %[b], %[d]\n"
#define EDGERNN_CHUNK \
  "vmov.i8 q3, #0xf0\n" EDGERNN_HALF("0", "32", "64", "96", "2", "0") \
  EDGERNN_HALF("16", "48", "80", "112", "3", "1")
#else
#define EDGERNN_TILE(AT, X, SUM) /* rows j, j + 2, j + 4 and j + 6 */ \
  "vldrb.u8 q2, [%[w], #" AT "]\n vshl.i8 q4, q2, #6\n vshl.i8 q5, q2, #4\n" \
  "vmladav" SUM ".s8 %[a], " X ", q4\n vand q5, q5, q3\n vshl.i8 q4, q2, #2\n" \
  "vmladav" SUM ".s8 %[c], " X ", q5\n vand q4, q4, q3\n vand q2, q2, q3\n" \
  "vmladav" SUM ".s8 %[b], " X ", q4\n vmladav" SUM ".s8 %[d], " X ", q2\n"
#define EDGERNN_HALF(J, J1, TOP, LOW) \
  EDGERNN_TILE(J, "q0", "") EDGERNN_TILE(J1, "q1", "a") \
  "vmov q6[" TOP "], q6[" LOW "], %[a], %[c]\n vmov q7[" TOP "], q7[" LOW "], %[b], %[d]\n"
#define EDGERNN_CHUNK \
  "vmov.i8 q3, #0xc0\n" EDGERNN_HALF("0", "32", "2", "0") EDGERNN_HALF("16", "48", "3", "1")
#endif
#define EDGERNN_GAINED(Q, GAIN, SUMS) \
  "vldrb.u32 q2, [%[gain], #" GAIN "]\n vshr.s32 " Q ", " Q ", #(8 - BITS)\n" \
  "vldrw.u32 q4, [%[sums], #" SUMS "]\n vmul.i32 " Q ", " Q ", q2\n" \
  "vadd.i32 q4, q4, " Q "\n vstrw.32 q4, [%[sums], #" SUMS "]\n"

EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
  if (count == 2) {
    register int32_t a __asm__("r0");
    register int32_t b __asm__("r2");
    register int32_t c __asm__("r4");
    register int32_t d __asm__("r6");
    __asm__ volatile("vldrb.u8 q0, [%[x]]\n vldrb.u8 q1, [%[x], #16]\n" EDGERNN_CHUNK
                     EDGERNN_GAINED("q6", "0", "0") EDGERNN_GAINED("q7", "4", "16")
                     : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d)
                     : [w] "r"(w), [x] "r"(x), [gain] "l"(gain), [sums] "r"(sums)
                     : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "memory");
  } else {
    int32_t part[ROWS] = {0};
    edgernn_strip_FORM(w, x, tiles, groups, count, part);
    for (int i = 0; i < ROWS; ++i) sums[i] += gain[i] * part[i];
  }
}
#undef EDGERNN_TILE
#undef EDGERNN_OTHER
#undef EDGERNN_HALF
#undef EDGERNN_CHUNK
#undef EDGERNN_GAINED
