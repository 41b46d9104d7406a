/* driver: forms=s8_4x1 columns=256 */
/* As edgernn_delta, single columns, four rows a pass. For each column its move and the place of its
 * weights are made once for all rows. A column that moved far is listed twice: of 256 columns at
 * most 512 are summed. */
#define EDGERNN_LISTED_COLUMN "ldm r7!, {r2, r3}\n add r3, r12\n ldr r3, [r3]\n" EDGERNN_COLUMN("r3")

static void edgernn_delta_FORM_narrow(const int8_t *restrict w, const uint16_t *restrict counts,
                                      const uint16_t *restrict list, const int8_t *restrict moves,
                                      int8_t *restrict room, int32_t *restrict sum, int rows,
                                      int groups, int chunk) {
  const int rest = rows & 3;
  for (int g = 0; g < groups; g += chunk) {
    const int count = *counts++;
    uint32_t *column = (uint32_t *)room;
    for (int k = 0; k < count; ++k, column += 2) {
      column[0] = (uint32_t)moves[k];
      column[1] = list[k] * 4u;
    }
    int32_t last[4] = {0};
    uint32_t job[5] = {(uint32_t)room, (uint32_t)(sum + rows - rest), (uint32_t)groups * 4u,
                       (uint32_t)sum, (uint32_t)(w + g * 4)};
    register uint32_t *at __asm__("r0") = job;
    register uint32_t *stop __asm__("r1") = column;
    for (int end = rows < 4; count; end = 1) {
      if (end) {
        job[1] = (uint32_t)(last + 4);
        job[3] = (uint32_t)last;
      }
      __asm__ volatile("push {r0, r7}\n mov lr, r1\n ldm r0!, {r1-r5}\n push {r1-r3}\n"
                       "mov r0, r4\n mov r12, r5\n"
                       "5: ldr r7, [sp]\n" EDGERNN_NO_SUMS
                       "1:\n" EDGERNN_LISTED_COLUMN EDGERNN_LISTED_COLUMN EDGERNN_LISTED_COLUMN
                       EDGERNN_LISTED_COLUMN "cmp r7, lr\n bne 1b\n" EDGERNN_APART
                       "mov r5, r0\n ldm r5!, {r6, r7}\n adds r1, r1, r6\n adds r2, r2, r7\n"
                       "ldm r5!, {r6, r7}\n adds r3, r3, r6\n adds r4, r4, r7\n stm r0!, {r1-r4}\n"
                       "ldr r1, [sp, #8]\n add r12, r1\n ldr r2, [sp, #4]\n cmp r0, r2\n beq 7f\n"
                       "b 5b\n7: add sp, #12\n pop {r0, r7}\n mov r1, r12\n str r1, [r0, #16]\n"
                       "mov r1, lr\n"
                       : "+r"(at), "+r"(stop)
                       :
                       : "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc",
                         "memory");
      if (end || !rest) break;
    }
    for (int i = 0; i < rest; ++i) sum[rows - rest + i] += last[i];
    list += count;
    moves += count;
  }
}
#undef EDGERNN_LISTED_COLUMN
