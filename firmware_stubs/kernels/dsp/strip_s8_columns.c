/* strip: types=s8 tiles=4x1 delta=4x1 prepare=6 pairs uses=tiles,passes */
/* Single columns of four rows on SMLAD, two columns at once.
 *
 * A column's rows (a, b, c, d) lie as the halfwords 256 b + a and 256 d + c. Two columns' halfwords
 * of equal rows, side by side in a word, times two moves add to `ab` = 256 B + A; SXTB16 of the
 * word leaves the rows a, which add to `even` = A. At most 512 columns at a time. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  int16_t *wide = (int16_t *)room;
  for (int k = 0; k < groups; ++k) wide[k] = x[k];
}

#define EDGERNN_PAIR(MOVES) \
  "ldrh r3, [%[tiles]], #2\n ldrh r4, [%[tiles]], #2\n" \
  "ldr r3, [%[w], r3, lsl #2]\n ldr r4, [%[w], r4, lsl #2]\n" \
  "pkhbt r5, r3, r4, lsl #16\n pkhtb r4, r4, r3, asr #16\n" \
  "smlad r0, r5, " MOVES ", r0\n sxtb16 r5, r5\n smlad r1, r5, " MOVES ", r1\n" \
  "smlad r2, r4, " MOVES ", r2\n sxtb16 r4, r4\n smlad r12, r4, " MOVES ", r12\n"

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  register int32_t *sums __asm__("r8") = acc;
  register int left __asm__("r9") = count;
  int k;
  (void)groups;
  if (count <= 0) return;
  __asm__ volatile("0: mov %[k], r9\n cmp r9, #512\n it gt\n movgt %[k], #512\n"
                   "sub r9, r9, %[k]\n push {r8, r9}\n"
                   "movs r0, #0\n movs r1, #0\n movs r2, #0\n mov r12, #0\n"
                   "1: ldrd r8, r9, [%[x]], #8\n" EDGERNN_PAIR("r8") EDGERNN_PAIR("r9")
                   "subs %[k], %[k], #4\n bne 1b\n"
                   "pop {r8, r9}\n ldm r8, {r3-r6}\n subs r0, r0, r1\n sub r2, r2, r12\n"
                   "add r3, r3, r1\n add r4, r4, r0, asr #8\n add r5, r5, r12\n"
                   "add r6, r6, r2, asr #8\n stm r8, {r3-r6}\n cmp r9, #0\n bgt 0b\n"
                   : [tiles] "+r"(tiles), [x] "+r"(x), [k] "=&r"(k), "+r"(sums), "+r"(left)
                   : [w] "r"(w)
                   : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r12", "cc", "memory");
}
#undef EDGERNN_PAIR
