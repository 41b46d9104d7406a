/* driver: forms=s8_1x1 columns=256 */
/* As edgernn_delta, four rows a pass. The list is made one of bytes first; the loop's own predicate
 * cuts its last vector. */
#define EDGERNN_ROW(AT, SUM) "vldrb.u8 q1, [" AT ", q2]\n vmladava.s8 " SUM ", q0, q1\n"

static void edgernn_delta_FORM_passes(const int8_t *restrict w, const uint16_t *restrict counts,
                                      const uint16_t *restrict list, const int8_t *restrict moves,
                                      int8_t *restrict room, int32_t *restrict sum, int rows,
                                      int groups, int chunk) {
  const int rest = rows & 3;
  for (int g = 0; g < groups; g += chunk) {
    const int count = *counts++;
    int32_t last[4] = {0};
    for (int k = 0; k < count; ++k) room[k] = (int8_t)list[k];
    uint32_t job[4] = {(uint32_t)sum, (uint32_t)(sum + rows - rest), (uint32_t)(w + g),
                       (uint32_t)groups};
    for (int end = rows < 4; count; end = 1) {
      if (end) {
        job[0] = (uint32_t)last;
        job[1] = (uint32_t)(last + 4);
      }
      register uint32_t *at __asm__("r0") = job;
      register const int8_t *numbers __asm__("r1") = room;
      register const int8_t *moved __asm__("r3") = moves;
      register int32_t some __asm__("r12") = count;
      __asm__ volatile("push {r0, r1, r3, r7}\n ldm r0, {r5, r7, r8, r11}\n add r9, r8, r11\n"
                       "add r10, r9, r11\n lsl r0, r11, #2\n add r11, r10, r11\n"
                       "push {r0, r7}\n mov r7, r5\n"
                       "5: ldrd r0, r2, [r7]\n ldrd r4, r6, [r7, #8]\n ldrd r1, r3, [sp, #12]\n"
                       "wlstp.8 lr, r12, 2f\n"
                       "1: vldrb.u8 q2, [r1], #16\n vldrb.u8 q0, [r3], #16\n"
                       EDGERNN_ROW("r8", "r0") EDGERNN_ROW("r9", "r2") EDGERNN_ROW("r10", "r4")
                       EDGERNN_ROW("r11", "r6") "letp lr, 1b\n"
                       "2: ldrd r1, r3, [sp]\n strd r0, r2, [r7], #8\n strd r4, r6, [r7], #8\n"
                       "add r8, r1\n add r9, r1\n add r10, r1\n add r11, r1\n cmp r7, r3\n bne 5b\n"
                       "add sp, #8\n pop {r0, r1, r3, r7}\n str r8, [r0, #8]\n"
                       : "+r"(at), "+r"(numbers), "+r"(moved), "+r"(some)
                       :
                       : "r2", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "lr", "q0", "q1", "q2",
                         "cc", "memory");
      if (end || !rest) break;
    }
    for (int i = 0; i < rest; ++i) sum[rows - rest + i] += last[i];
    list += count;
    moves += count;
  }
}
#undef EDGERNN_ROW
