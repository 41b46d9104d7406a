/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row; see edgernn_rescale. The high word of a
 * product from four products of halfwords, which is what these cores multiply. */
static void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult, int lead,
                                 int shift, int16_t *restrict y, int n) {
  register const int32_t *from __asm__("r0") = acc;
  register const int32_t *by __asm__("r1") = mult;
  register int16_t *to __asm__("r2") = y;
  register int up __asm__("r8") = lead;
  register int down __asm__("r9") = shift;
  register int half __asm__("r10") = 1 << (shift - 1);
  register const int16_t *end __asm__("r11") = y + n;
  if (n <= 0) return;
  /* the sum's lower half comes to r4, its upper to r3; mult's halves to r5 and r6 */
  __asm__ volatile("1: ldm r0!, {r3}\n mov r6, r8\n lsls r3, r6\n ldrh r5, [r1]\n uxth r4, r3\n"
                   "asrs r3, r3, #16\n mov r6, r4\n muls r6, r5, r6\n muls r5, r3, r5\n"
                   "lsrs r6, r6, #16\n adds r5, r5, r6\n ldrh r6, [r1, #2]\n adds r1, #4\n"
                   "muls r4, r6, r4\n muls r3, r6, r3\n uxth r6, r5\n adds r4, r4, r6\n"
                   "asrs r5, r5, #16\n adds r3, r3, r5\n lsrs r4, r4, #16\n adds r3, r3, r4\n"
                   "add r3, r10\n mov r6, r9\n asrs r3, r6\n sxth r6, r3\n cmp r6, r3\n beq 2f\n"
                   "asrs r3, r3, #31\n movs r6, #1\n lsls r6, r6, #15\n subs r6, #1\n"
                   "eors r3, r6\n2: strh r3, [r2]\n adds r2, #2\n cmp r2, r11\n bne 1b\n"
                   : "+r"(from), "+r"(by), "+r"(to)
                   : "r"(up), "r"(down), "r"(half), "r"(end)
                   : "r3", "r4", "r5", "r6", "cc", "memory");
}
