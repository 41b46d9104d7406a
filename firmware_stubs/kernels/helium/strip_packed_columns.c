/* strip: types=s4,s2 tiles=32x1 delta=32x1 */
/* Single columns of 32 rows of 4-bit or 2-bit weights, rows in the lanes: 32 columns are summed in
 * 16 bits (32 * 7 * 127 < 2^15). Widening takes even and odd lanes apart; so do VLD2 and VST2. */
#if BITS == 4
#define EDGERNN_COLUMN \
  "add %[t], %[w], %[t], lsl #4\n vldrb.s16 q0, [%[t]]\n vldrb.s16 q1, [%[t], #8]\n" \
  "vshl.i16 q2, q0, #12\n vshr.s16 q0, q0, #4\n vshl.i16 q3, q1, #12\n vshr.s16 q1, q1, #4\n" \
  "vshr.s16 q2, q2, #12\n vmla.s16 q6, q0, %[by]\n vshr.s16 q3, q3, #12\n" \
  "vmla.s16 q7, q1, %[by]\n vmla.s16 q4, q2, %[by]\n vmla.s16 q5, q3, %[by]\n"
#else
#define EDGERNN_COLUMN \
  "add %[t], %[w], %[t], lsl #3\n vldrb.s16 q0, [%[t]]\n" \
  "vshl.i16 q1, q0, #14\n vshl.i16 q2, q0, #12\n vshl.i16 q3, q0, #10\n vshr.s16 q0, q0, #6\n" \
  "vshr.s16 q1, q1, #14\n vmla.s16 q7, q0, %[by]\n vshr.s16 q2, q2, #14\n" \
  "vmla.s16 q4, q1, %[by]\n vshr.s16 q3, q3, #14\n vmla.s16 q5, q2, %[by]\n" \
  "vmla.s16 q6, q3, %[by]\n"
#endif
#define EDGERNN_COLUMNS \
  "vmov.i32 q4, #0\n vmov.i32 q5, #0\n vmov.i32 q6, #0\n vmov.i32 q7, #0\n wls lr, %[k], 2f\n" \
  "1: ldrh %[t], [%[tiles]], #2\n ldrsb %[by], [%[x]], #1\n" EDGERNN_COLUMN "le lr, 1b\n2:\n"
#define EDGERNN_WIDENED(Q) /* eight rows onto acc */ \
  "vmovlb.s16 q2, " Q "\n vmovlt.s16 q3, " Q "\n" \
  "vld20.32 {q0, q1}, [%[acc]]\n vld21.32 {q0, q1}, [%[acc]]\n" \
  "vadd.i32 q0, q0, q2\n vadd.i32 q1, q1, q3\n" \
  "vst20.32 {q0, q1}, [%[acc]]\n vst21.32 {q0, q1}, [%[acc]]!\n"
#define EDGERNN_GAINED(Q, GAIN, EVEN, ODD) /* eight rows times their gains onto sums */ \
  "vldrb.u16 q0, [%[gain], #" GAIN "]\n vldrw.u32 q1, [%[sums], #" EVEN "]\n" \
  "vmullb.s16 q2, " Q ", q0\n vldrw.u32 q3, [%[sums], #" ODD "]\n vadd.i32 q1, q1, q2\n" \
  "vmullt.s16 q2, " Q ", q0\n vstrw.32 q1, [%[sums], #" EVEN "]\n vadd.i32 q3, q3, q2\n" \
  "vstrw.32 q3, [%[sums], #" ODD "]\n"
#define EDGERNN_CLOBBERS "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "cc", "memory"

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  (void)groups;
  for (; count > 0; count -= 32) {
    int32_t *to = acc;
    uint32_t t, by;
    __asm__ volatile(EDGERNN_COLUMNS EDGERNN_WIDENED("q4") EDGERNN_WIDENED("q5")
                     EDGERNN_WIDENED("q6") EDGERNN_WIDENED("q7")
                     : [tiles] "+r"(tiles), [x] "+r"(x), [t] "=&l"(t), [by] "=&r"(by),
                       [acc] "+r"(to)
                     : [w] "r"(w), [k] "r"(count < 32 ? count : 32)
                     : EDGERNN_CLOBBERS);
  }
}

/* sums[ROWS]: of eight rows the even ones first */
EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
  (void)groups;
  for (; count > 0; count -= 32) {
    uint32_t t, by;
    __asm__ volatile(EDGERNN_COLUMNS EDGERNN_GAINED("q4", "0", "0", "16")
                     EDGERNN_GAINED("q5", "8", "32", "48") EDGERNN_GAINED("q6", "16", "64", "80")
                     EDGERNN_GAINED("q7", "24", "96", "112")
                     : [tiles] "+r"(tiles), [x] "+r"(x), [t] "=&l"(t), [by] "=&r"(by)
                     : [w] "r"(w), [k] "r"(count < 32 ? count : 32), [gain] "l"(gain),
                       [sums] "r"(sums)
                     : EDGERNN_CLOBBERS);
  }
}

EDGERNN_INLINE void edgernn_rows_FORM(int32_t *restrict acc, const int32_t *restrict sums) {
  for (int i = 0; i < ROWS; i += 8)
    __asm__ volatile("vldrw.u32 q2, [%[sums]], #16\n vldrw.u32 q3, [%[sums]], #16\n"
                     "vld20.32 {q0, q1}, [%[acc]]\n vld21.32 {q0, q1}, [%[acc]]\n"
                     "vadd.i32 q0, q0, q2\n vadd.i32 q1, q1, q3\n"
                     "vst20.32 {q0, q1}, [%[acc]]\n vst21.32 {q0, q1}, [%[acc]]!\n"
                     : [acc] "+r"(acc), [sums] "+r"(sums)
                     :
                     : "q0", "q1", "q2", "q3", "memory");
}
#undef EDGERNN_COLUMN
#undef EDGERNN_COLUMNS
#undef EDGERNN_WIDENED
#undef EDGERNN_GAINED
#undef EDGERNN_CLOBBERS
