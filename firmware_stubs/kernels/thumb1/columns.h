/* Columns of four rows for ARMv6-M. The rows (a, b, c, d) of a column lie as the halfwords
 * 256 b + a and 256 d + c. A halfword times x adds to 256 B + A, its signed low byte times x to A:
 * one load and four extractions serve four products. The sums stay in high registers, to which
 * the sum of a low one can be added: 256 B + A in r8, A in r9, 256 D + C in r10, C in r11. At most
 * 512 columns at a time. */
#define EDGERNN_COLUMN(WORD) /* x comes in r2 */ \
  "asrs r4, " WORD ", #16\n sxtb r5, r4\n muls r4, r2, r4\n add r10, r4\n muls r5, r2, r5\n" \
  "add r11, r5\n sxtb r5, " WORD "\n sxth " WORD ", " WORD "\n muls " WORD ", r2, " WORD "\n" \
  "add r8, " WORD "\n muls r5, r2, r5\n add r9, r5\n"
#define EDGERNN_SUMS \
  register int32_t ab __asm__("r8") = 0; \
  register int32_t a __asm__("r9") = 0; \
  register int32_t cd __asm__("r10") = 0; \
  register int32_t c __asm__("r11") = 0;
#define EDGERNN_SUMMED "+r"(ab), "+r"(a), "+r"(cd), "+r"(c)
#define EDGERNN_LOST "r2", "r3", "r4", "r5", "r6", "cc", "memory"
#define EDGERNN_ADD_SUMS(acc) \
  acc[0] += a; \
  acc[1] += (ab - a) >> 8; \
  acc[2] += c; \
  acc[3] += (cd - c) >> 8;
