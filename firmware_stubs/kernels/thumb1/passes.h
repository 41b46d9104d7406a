/* What the drivers for narrow matrices share: four rows a pass. Every low register of a pass holds
 * something, so a job of words waits on the stack; see each driver for its first two. Words 2 to 8
 * are start, mult, y, its end, lead, shift, half. */
#define EDGERNN_BEGIN /* the job at r0 has nine words, then w, then what goes to r12 */ \
  "push {r0, r7}\n ldr r1, [r0, #36]\n ldr r2, [r0, #40]\n mov r12, r2\n mov r11, r1\n" \
  "adds r0, #20\n ldm r0!, {r1-r4}\n push {r1-r4}\n subs r0, #36\n ldm r0!, {r1-r5}\n" \
  "push {r1-r5}\n mov r0, r11\n"
#define EDGERNN_END /* what is left of w, and of words 0 to 4, goes back into the job */ \
  "7: mov r6, r0\n pop {r1-r5}\n add sp, #16\n pop {r0, r7}\n str r6, [r0, #36]\n" \
  "stm r0!, {r1-r5}\n subs r0, #20\n"
#define EDGERNN_NO_SUMS \
  "movs r3, #0\n mov r8, r3\n mov r9, r3\n mov r10, r3\n mov r11, r3\n"
/* the sums of columns.h apart, in r1 to r4 */
#define EDGERNN_APART \
  "mov r1, r9\n mov r2, r8\n subs r2, r2, r1\n asrs r2, r2, #8\n mov r3, r11\n mov r4, r10\n" \
  "subs r4, r4, r3\n asrs r4, r4, #8\n"
/* a sum in a high register to the 16 bits of row AT; mult at r1, y at r2, shift in r7, half in lr.
 * The high word of a product from four products of halfwords: see rescale_rows.c. */
#define EDGERNN_ROW(ACC, AT) \
  "mov r3, " ACC "\n ldrh r5, [r1, #(4 * " AT ")]\n uxth r4, r3\n asrs r3, r3, #16\n" \
  "mov r6, r4\n muls r6, r5, r6\n muls r5, r3, r5\n lsrs r6, r6, #16\n adds r5, r5, r6\n" \
  "ldrh r6, [r1, #(4 * " AT " + 2)]\n muls r4, r6, r4\n muls r3, r6, r3\n uxth r6, r5\n" \
  "adds r4, r4, r6\n asrs r5, r5, #16\n adds r3, r3, r5\n lsrs r4, r4, #16\n adds r3, r3, r4\n" \
  "add r3, lr\n asrs r3, r7\n sxth r6, r3\n cmp r6, r3\n beq 3f\n asrs r3, r3, #31\n" \
  "movs r6, #1\n lsls r6, r6, #15\n subs r6, #1\n eors r3, r6\n" \
  "3: strh r3, [r2, #(2 * " AT ")]\n"
/* from the sums to the next pass at 5, or to 7 where y is at its end */
#define EDGERNN_RESCALED \
  EDGERNN_APART "ldr r5, [sp, #8]\n ldm r5!, {r6, r7}\n adds r1, r1, r6\n adds r2, r2, r7\n" \
  "ldm r5!, {r6, r7}\n adds r3, r3, r6\n adds r4, r4, r7\n str r5, [sp, #8]\n" \
  "ldr r6, [sp, #24]\n lsls r1, r6\n lsls r2, r6\n lsls r3, r6\n lsls r4, r6\n mov r8, r1\n" \
  "mov r9, r2\n mov r10, r3\n mov r11, r4\n ldr r1, [sp, #12]\n ldr r2, [sp, #16]\n" \
  "ldr r7, [sp, #28]\n ldr r6, [sp, #32]\n mov lr, r6\n" EDGERNN_ROW("r8", "0") \
  EDGERNN_ROW("r9", "1") EDGERNN_ROW("r10", "2") EDGERNN_ROW("r11", "3") \
  "adds r1, #16\n str r1, [sp, #12]\n adds r2, #8\n str r2, [sp, #16]\n ldr r3, [sp, #20]\n" \
  "cmp r2, r3\n beq 7f\n b 5b\n"
#define EDGERNN_TILE(W, X) \
  "ldm " W "!, {r3}\n ldm " X "!, {r2}\n" EDGERNN_COLUMN("r3") \
  "ldm " W "!, {r3}\n ldm " X "!, {r2}\n" EDGERNN_COLUMN("r3") \
  "ldm " W "!, {r3}\n ldm " X "!, {r2}\n" EDGERNN_COLUMN("r3") \
  "ldm " W "!, {r3}\n ldm " X "!, {r2}\n" EDGERNN_COLUMN("r3")
#define EDGERNN_PASS_LOST \
  "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory"
