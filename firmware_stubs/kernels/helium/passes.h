/* What the drivers of int8 products share: four rows a pass, whose sums are in r0, r2, r4 and r6,
 * for VMLADAVA adds to a core register of even number. LOAD comes first in each turn of a loop that
 * LR counts and brings the columns to q0; the weights of a row fill a vector. */
#define EDGERNN_FOUR_ROWS(LOAD) \
  "1: " LOAD "vldrb.u8 q1, [r9], #16\n vldrb.u8 q2, [r9], #16\n vmladava.s8 r0, q0, q1\n" \
  "vldrb.u8 q1, [r9], #16\n vmladava.s8 r2, q0, q2\n vldrb.u8 q2, [r9], #16\n" \
  "vmladava.s8 r4, q0, q1\n vmladava.s8 r6, q0, q2\n le lr, 1b\n2:\n"
/* start is at r11, mult at r12, lead in r5, -shift in r7, y at r3 */
#define EDGERNN_START4 "ldrd r0, r2, [r11], #8\n ldrd r4, r6, [r11], #8\n"
#define EDGERNN_RESCALED4 \
  "vldrw.u32 q1, [r12], #16\n vmov q0[2], q0[0], r0, r4\n vmov q0[3], q0[1], r2, r6\n" \
  "vshl.s32 q0, r5\n vmulh.s32 q0, q0, q1\n vrshl.s32 q0, r7\n vqmovnb.s32 q0, q0\n" \
  "vstrh.32 q0, [r3], #8\n"
#define EDGERNN_PASS_LOST \
  "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "q0", "q1", "q2", \
  "q3", "cc", "memory"
