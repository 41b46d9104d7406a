/* driver: forms=s8_4x1 columns=256 */
/* As edgernn_delta, single columns, four rows a pass; see strip_s8_columns.c. Offsets are made once
 * for all rows: for each pair of columns its moves in a word, and where their weights lie. */
#define EDGERNN_PAIR(MOVES, W, V) \
  "ldr " W ", [r7, " W "]\n ldr " V ", [r7, " V "]\n pkhbt r11, " W ", " V ", lsl #16\n" \
  "pkhtb " V ", " V ", " W ", asr #16\n smlad r0, r11, " MOVES ", r0\n sxtb16 r11, r11\n" \
  "smlad r1, r11, " MOVES ", r1\n smlad r2, " V ", " MOVES ", r2\n sxtb16 " V ", " V "\n" \
  "smlad r12, " V ", " MOVES ", r12\n"
#define EDGERNN_FOUR \
  "ldm r10!, {r3-r6, r8, r9}\n" EDGERNN_PAIR("r3", "r4", "r5") EDGERNN_PAIR("r6", "r8", "r9")

static void edgernn_delta_FORM_narrow(const int8_t *restrict w, const uint16_t *restrict counts,
                                      const uint16_t *restrict list, const int8_t *restrict moves,
                                      int8_t *restrict room, int32_t *restrict sum, int rows,
                                      int groups, int chunk) {
  const int rest = rows & 3;
  for (int g = 0; g < groups; g += chunk) {
    const int count = *counts++;
    uint32_t *pair = (uint32_t *)room;
    for (int k = 0; k < count; k += 2, pair += 3) {
      pair[0] = (uint16_t)moves[k] | (uint32_t)moves[k + 1] << 16;
      pair[1] = list[k] * 4u;
      pair[2] = list[k + 1] * 4u;
    }
    int32_t last[4] = {0};
    uint32_t job[11] = {(uint32_t)room, (uint32_t)count, 0, (uint32_t)sum,
                        (uint32_t)(sum + rows - rest), (uint32_t)groups * 4u, 0, 0, 0,
                        (uint32_t)(w + g * 4), 0};
    register uint32_t *at __asm__("r0") = job;
    for (int end = rows < 4; count; end = 1) {
      if (end) {
        job[3] = (uint32_t)last;
        job[4] = (uint32_t)(last + 4);
      }
      __asm__ volatile(EDGERNN_BEGIN "mov r7, r11\n"
                       "5: ldrd r10, lr, [sp]\n" EDGERNN_NO_SUMS "tst lr, #4\n bne 2f\n"
                       "1:\n" EDGERNN_FOUR "2:\n" EDGERNN_FOUR "subs lr, lr, #8\n bgt 1b\n"
                       "ldrd r8, r9, [sp, #12]\n ldr r10, [sp, #20]\n ldm r8, {r3-r6}\n"
                       "subs r0, r0, r1\n sub r2, r2, r12\n add r3, r3, r1\n"
                       "add r4, r4, r0, asr #8\n add r5, r5, r12\n add r6, r6, r2, asr #8\n"
                       "stm r8!, {r3-r6}\n str r8, [sp, #12]\n add r7, r10\n cmp r8, r9\n"
                       "bne 5b\n" EDGERNN_END
                       : "+r"(at)
                       :
                       : EDGERNN_PASS_LOST);
      if (end || !rest) break;
    }
    for (int i = 0; i < rest; ++i) sum[rows - rest + i] += last[i];
    list += count;
    moves += count;
  }
}
#undef EDGERNN_PAIR
#undef EDGERNN_FOUR
