/* driver: forms=s8_4x16 columns=1048576 */
/* As edgernn_dense, start to saturation in registers. */
static void edgernn_dense_FORM_passes(const int8_t *restrict w, const int32_t *restrict start,
                                      const int32_t *restrict mult, int lead, int shift,
                                      const int8_t *restrict x, int8_t *restrict room,
                                      int16_t *restrict y, int rows, int groups) {
  int16_t last[4];
  const int rest = rows & 3;
  uint32_t job[8] = {(uint32_t)y, (uint32_t)lead, (uint32_t)-shift, (uint32_t)x, (uint32_t)w,
                     (uint32_t)groups, (uint32_t)start, (uint32_t)mult};
  const int16_t *stop = y + rows - rest;
  (void)room;
  for (int end = rows < 4;; end = 1) {
    if (end) {
      job[0] = (uint32_t)last;
      stop = last + 4;
    }
    register uint32_t *at __asm__("r0") = job;
    register const int16_t *until __asm__("r1") = stop;
    __asm__ volatile("push {r0, r7}\n ldm r0, {r3, r5, r7-r12}\n"
                     "5: " EDGERNN_START4 "wls lr, r10, 2f\n"
                     EDGERNN_FOUR_ROWS("vldrb.u8 q0, [r8], #16\n")
                     "sub r8, r8, r10, lsl #4\n" EDGERNN_RESCALED4 "cmp r3, r1\n bne 5b\n"
                     "pop {r0, r7}\n add r1, r0, #16\n stm r1, {r9-r12}\n"
                     : "+r"(at), "+r"(until)
                     :
                     : "r2", EDGERNN_PASS_LOST);
    if (end || !rest) break;
  }
  for (int i = 0; i < rest; ++i) y[rows - rest + i] = last[i];
}
