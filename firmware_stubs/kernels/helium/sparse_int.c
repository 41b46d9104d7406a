/* driver: forms=s8_4x4 columns=65535 */
/* As edgernn_sparse, start to saturation in registers; see strip_s8_blocks.c for the tiles. */
static void edgernn_sparse_FORM_passes(const int8_t *restrict w, const uint16_t *restrict counts,
                                       const uint16_t *restrict index,
                                       const int32_t *restrict start, const int32_t *restrict mult,
                                       int lead, int shift, const int8_t *restrict x,
                                       int8_t *restrict room, int16_t *restrict y, int rows,
                                       int groups) {
  int16_t last[4];
  const int rest = rows & 3;
  uint32_t job[9] = {(uint32_t)index, (uint32_t)y, (uint32_t)lead, (uint32_t)-shift,
                     (uint32_t)room, (uint32_t)w, (uint32_t)counts, (uint32_t)start, (uint32_t)mult};
  const int16_t *stop = y + rows - rest;
  PREPARE(x, groups)
  for (int end = rows < 4;; end = 1) {
    if (end) {
      job[1] = (uint32_t)last;
      stop = last + 4;
    }
    register uint32_t *at __asm__("r0") = job;
    register const int16_t *until __asm__("r2") = stop;
    __asm__ volatile("push {r0, r2, r7}\n ldm r0, {r1, r3, r5, r7-r12}\n"
                     "5: " EDGERNN_START4 "ldrh lr, [r10], #2\n lsr lr, lr, #2\n wls lr, lr, 2f\n"
                     EDGERNN_FOUR_ROWS("vldrh.u32 q3, [r1], #8\n vldrw.u32 q0, [r8, q3, uxtw #2]\n")
                     EDGERNN_RESCALED4 "ldr lr, [sp, #4]\n cmp r3, lr\n bne 5b\n"
                     "pop {r0, r2, r7}\n str r1, [r0]\n add r1, r0, #20\n stm r1, {r9-r12}\n"
                     : "+r"(at), "+r"(until)
                     :
                     : "r1", EDGERNN_PASS_LOST);
    if (end || !rest) break;
  }
  for (int i = 0; i < rest; ++i) y[rows - rest + i] = last[i];
}
