/* driver: forms=s8_4x4 columns=512 */
/* As edgernn_sparse, four rows a pass. The job's first words are the counts and the list. */
static void edgernn_sparse_FORM_narrow(const int8_t *restrict w, const uint16_t *restrict counts,
                                       const uint16_t *restrict index,
                                       const int32_t *restrict start, const int32_t *restrict mult,
                                       int lead, int shift, const int8_t *restrict x,
                                       int8_t *restrict room, int16_t *restrict y, int rows,
                                       int groups) {
  int16_t last[4];
  const int rest = rows & 3;
  uint32_t job[11] = {(uint32_t)counts, (uint32_t)index, (uint32_t)start, (uint32_t)mult,
                      (uint32_t)y, (uint32_t)(y + rows - rest), (uint32_t)lead, (uint32_t)shift,
                      1u << (shift - 1), (uint32_t)w, (uint32_t)room};
  register uint32_t *at __asm__("r0") = job;
  PREPARE(x, groups)
  for (int end = rows < 4;; end = 1) {
    if (end) {
      job[4] = (uint32_t)last;
      job[5] = (uint32_t)(last + 4);
    }
    __asm__ volatile(EDGERNN_BEGIN
                     "5: ldr r1, [sp]\n ldrh r2, [r1]\n adds r1, #2\n str r1, [sp]\n"
                     "ldr r7, [sp, #4]\n lsls r2, r2, #1\n adds r2, r2, r7\n mov lr, r2\n"
                     "str r2, [sp, #4]\n" EDGERNN_NO_SUMS "cmp r7, lr\n beq 6f\n"
                     "1: ldrh r6, [r7]\n adds r7, #2\n lsls r6, r6, #4\n add r6, r12\n"
                     EDGERNN_TILE("r0", "r6") "cmp r7, lr\n bne 1b\n6:\n" EDGERNN_RESCALED
                     EDGERNN_END
                     : "+r"(at)
                     :
                     : EDGERNN_PASS_LOST);
    if (end || !rest) break;
  }
  for (int i = 0; i < rest; ++i) y[rows - rest + i] = last[i];
}
