/* strip: types=s8 tiles=16x4,8x4,4x4 dense=4x4 block=4x4 sparse=8x4:36,4x4:18 prepare=8 pairs uses=words */
/* int8 weights on SMLAD, four rows a pass, three data instructions for four products.
 *
 * Two weights lie in a halfword as 256 b + a, so a word holds a row's four weights (a, b, c, d) as
 * two signed halfwords that can be multiplied as they are, and SXTB16 gives (a, c). Then
 *
 *   256 (a x0 + b x1 + c x2 + d x3) = word . (x1, x3) + (a, c) . (256 x0 - x1, 256 x2 - x3)
 *
 * where the two pairs of x are made once for a whole matrix. 256 x0 - x1 needs x >= -127; the sums
 * need at most 512 columns at a time. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  int32_t *pair = (int32_t *)room;
  for (int k = 0; k < groups; ++k, pair += 2) {
    const uint32_t v = *(const edgernn_word *)(x + 4 * k);
    const int32_t odd = __builtin_arm_sxtb16((int32_t)(v >> 8 | v << 24));
    pair[0] = odd;
    pair[1] = __builtin_arm_ssub16((int32_t)(v << 8 & 0xff00ff00u), odd);
  }
}

/* the row whose weights are in W */
#define EDGERNN_ROW(W, SUM) \
  "smlad " SUM ", " W ", r8, " SUM "\n sxtb16 " W ", " W "\n smlad " SUM ", " W ", r9, " SUM "\n"
/* LOAD brings the weights to r3 to r6 and the pairs of x to r8 and r9 */
#define EDGERNN_TILE(LOAD) \
  LOAD EDGERNN_ROW("r3", "r0") EDGERNN_ROW("r4", "r1") EDGERNN_ROW("r5", "r2") \
  EDGERNN_ROW("r6", "r12")
/* A loop over two tiles, entered at the second for an odd number. r8 and r9 bring acc[] and the
 * number of tiles; both wait on the stack while as many as allowed are summed. */
#define EDGERNN_TILES(LOAD) \
  "0: mov %[k], r9\n cmp r9, #128\n it gt\n movgt %[k], #128\n sub r9, r9, %[k]\n" \
  "push {r8, r9}\n movs r0, #0\n movs r1, #0\n movs r2, #0\n mov r12, #0\n" \
  "lsrs %[k], %[k], #1\n bcc 1f\n adds %[k], %[k], #1\n b 2f\n" \
  "1:\n" EDGERNN_TILE(LOAD) "2:\n" EDGERNN_TILE(LOAD) "subs %[k], %[k], #1\n bne 1b\n" \
  "pop {r8, r9}\n ldm r8, {r3-r6}\n add r3, r3, r0, asr #8\n add r4, r4, r1, asr #8\n" \
  "add r5, r5, r2, asr #8\n add r6, r6, r12, asr #8\n stm r8, {r3-r6}\n" \
  "cmp r9, #0\n bgt 0b\n"
#define EDGERNN_SUMMED [k] "=&r"(k), "+r"(sums), "+r"(left)
#define EDGERNN_LOST "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r12", "cc", "memory"
/* from the last of a pass's rows in one tile to the first in the next */
#if ROWS > 4
#define EDGERNN_NEXT "add %[w], %[w], #(ROWS * 4 - 16)\n"
#else
#define EDGERNN_NEXT ""
#endif

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  if (count <= 0) return;
  for (int r = 0; r < ROWS; r += 4) {
    register int32_t *sums __asm__("r8") = acc + r;
    register int left __asm__("r9") = count;
    const int8_t *v = w + 4 * r, *u = x;
    int k;
    if (EDGERNN_LISTED(groups)) {
      const uint16_t *list = groups;
      __asm__ volatile(EDGERNN_TILES("ldrh r8, [%[list]], #2\n ldm %[w]!, {r3-r6}\n" EDGERNN_NEXT
                                     "add r8, %[x], r8, lsl #3\n ldrd r8, r9, [r8]\n")
                       : [w] "+r"(v), [list] "+r"(list), EDGERNN_SUMMED
                       : [x] "r"(u)
                       : EDGERNN_LOST);
    } else if (EDGERNN_LISTED(tiles)) {
      const uint16_t *list = tiles;
      __asm__ volatile(EDGERNN_TILES("ldrh r8, [%[list]], #2\n add r8, %[w], r8, lsl #4\n"
                                     "ldm r8, {r3-r6}\n ldrd r8, r9, [%[x]], #8\n")
                       : [x] "+r"(u), [list] "+r"(list), EDGERNN_SUMMED
                       : [w] "r"(v)
                       : EDGERNN_LOST);
    } else {
      __asm__ volatile(EDGERNN_TILES("ldm %[w]!, {r3-r6}\n" EDGERNN_NEXT
                                     "ldrd r8, r9, [%[x]], #8\n")
                       : [w] "+r"(v), [x] "+r"(u), EDGERNN_SUMMED
                       :
                       : EDGERNN_LOST);
    }
  }
}
#undef EDGERNN_ROW
#undef EDGERNN_TILE
#undef EDGERNN_TILES
#undef EDGERNN_SUMMED
#undef EDGERNN_LOST
#undef EDGERNN_NEXT
