/* driver: forms=s8_4x4 columns=256 */
/* As edgernn_delta, four rows a pass. A block that moved far is listed twice: of 256 columns at
 * most 512 are summed. */
static void edgernn_delta_FORM_narrow(const int8_t *restrict w, const uint16_t *restrict counts,
                                      const uint16_t *restrict list, const int8_t *restrict moves,
                                      int8_t *restrict room, int32_t *restrict sum, int rows,
                                      int groups, int chunk) {
  const int rest = rows & 3;
  for (int g = 0; g < groups; g += chunk) {
    const int count = *counts++;
    if (!count) continue;
    PREPARE(moves, count)
    int32_t last[4] = {0};
    uint32_t job[11] = {(uint32_t)room, (uint32_t)list, (uint32_t)count, (uint32_t)sum,
                        (uint32_t)(sum + rows - rest), (uint32_t)groups * 16u, 0, 0, 0,
                        (uint32_t)(w + g * 16), 0};
    register uint32_t *at __asm__("r0") = job;
    for (int end = rows < 4;; end = 1) {
      if (end) {
        job[3] = (uint32_t)last;
        job[4] = (uint32_t)(last + 4);
      }
      __asm__ volatile(EDGERNN_BEGIN "mov r7, r11\n"
                       "5: ldrd r10, lr, [sp]\n ldr r11, [sp, #8]\n" EDGERNN_NO_SUMS
                       EDGERNN_TILES(EDGERNN_DELTA_TILE("r7", "r10", "lr"), "r11")
                       "ldrd r8, r9, [sp, #12]\n ldr r10, [sp, #20]\n ldm r8, {r3-r6}\n"
                       "add r3, r3, r0, asr #8\n add r4, r4, r1, asr #8\n"
                       "add r5, r5, r2, asr #8\n add r6, r6, r12, asr #8\n stm r8!, {r3-r6}\n"
                       "str r8, [sp, #12]\n add r7, r10\n cmp r8, r9\n bne 5b\n" EDGERNN_END
                       : "+r"(at)
                       :
                       : EDGERNN_PASS_LOST);
      if (end || !rest) break;
    }
    for (int i = 0; i < rest; ++i) sum[rows - rest + i] += last[i];
    list += count;
    moves += count * COLS;
  }
}
