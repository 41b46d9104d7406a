/* What the drivers for narrow matrices share. Every register of a pass holds something, so a job of
 * eleven words waits on the stack: r1 to r6 and r8 to r12 bring it, and take back what is left. */
#define EDGERNN_BEGIN "push {r0, r7}\n ldm r0, {r1-r6, r8-r12}\n push {r1-r6, r8-r12}\n"
#define EDGERNN_END \
  "pop {r1-r6, r8-r12}\n mov r11, r7\n pop {r0, r7}\n stm r0, {r1-r6, r8-r12}\n"
#define EDGERNN_PASS_LOST \
  "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory"
/* To start with the sums in r0, r1, r2 and r12, then the next pass at 5 unless y is at its end.
 * Words 2 to 8 of the job are start, mult, lead, shift, half, y and its end. */
#define EDGERNN_RESCALED \
  "ldrd r3, r8, [sp, #8]\n ldm r3!, {r4-r6, r9}\n add r4, r4, r0, asr #8\n" \
  "add r5, r5, r1, asr #8\n add r6, r6, r2, asr #8\n add r9, r9, r12, asr #8\n" \
  "ldm r8!, {r0-r2, r12}\n strd r3, r8, [sp, #8]\n add r3, sp, #16\n ldm r3, {r3, r8, r11}\n" \
  "lsls r4, r3\n lsls r5, r3\n lsls r6, r3\n lsl r9, r9, r3\n smmla r4, r4, r0, r11\n" \
  "smmla r5, r5, r1, r11\n smmla r6, r6, r2, r11\n smmla r9, r9, r12, r11\n asr r4, r4, r8\n" \
  "asr r5, r5, r8\n asr r6, r6, r8\n asr r9, r9, r8\n ssat r4, #16, r4\n ssat r5, #16, r5\n" \
  "ssat r6, #16, r6\n ssat r9, #16, r9\n ldrd r0, r1, [sp, #28]\n pkhbt r4, r4, r5, lsl #16\n" \
  "pkhbt r6, r6, r9, lsl #16\n str r6, [r0, #4]\n str r4, [r0], #8\n str r0, [sp, #28]\n" \
  "cmp r0, r1\n bne 5b\n"
