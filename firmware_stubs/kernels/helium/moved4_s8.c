/* As the portable function: the blocks of 4 columns whose squared differences sum to more than
 * `threshold`, the four in lanes of 32 bits. */
static int edgernn_moved4_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                             int last, int cols, uint16_t *restrict list,
                             int8_t *restrict moves) {
  int count = 0, j = 0;
  for (; j + 4 <= cols; j += 4) {
    register int32_t squares __asm__("r0") = 0;
    uint32_t rest;
    __asm__ volatile("vldrb.s32 q0, [%[x]]\n vldrb.s32 q1, [%[held]]\n vsub.i32 q1, q0, q1\n"
                     "vmladava.s32 r0, q1, q1\n"
                     : "+r"(squares)
                     : [x] "l"(x + j), [held] "l"(held + j)
                     : "q0", "q1", "memory");
    if (squares <= threshold) continue;
    __asm__ volatile("vldrb.s32 q0, [%[x]]\n vldrb.s32 q1, [%[held]]\n vstrb.32 q0, [%[held]]\n"
                     "vsub.i32 q1, q0, q1\n vdup.32 q2, %[most]\n vmin.s32 q0, q1, q2\n"
                     "vneg.s32 q2, q2\n vmax.s32 q0, q0, q2\n vstrb.32 q0, [%[moves]]\n"
                     "vsub.i32 q1, q1, q0\n vstrb.32 q1, [%[moves], #4]\n"
                     "vcmp.i32 ne, q1, zr\n vmrs %[rest], p0\n"
                     : [rest] "=r"(rest)
                     : [x] "l"(x + j), [held] "l"(held + j), [moves] "l"(moves + 4 * count),
                       [most] "r"(127)
                     : "q0", "q1", "q2", "memory");
    list[count++] = (uint16_t)(j >> 2);
    if (rest & 0xffffu) list[count++] = (uint16_t)(j >> 2);
  }
  return edgernn_moved4_rest(x, held, threshold, last, j, cols, count, list, moves);
}
