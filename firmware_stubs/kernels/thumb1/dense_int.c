/* driver: forms=s8_4x4 columns=512 */
/* As edgernn_dense, four rows a pass. The job's first words are x and the bytes of a strip. */
static void edgernn_dense_FORM_narrow(const int8_t *restrict w, const int32_t *restrict start,
                                      const int32_t *restrict mult, int lead, int shift,
                                      const int8_t *restrict x, int8_t *restrict room,
                                      int16_t *restrict y, int rows, int groups) {
  int16_t last[4];
  const int rest = rows & 3;
  uint32_t job[11] = {(uint32_t)room, (uint32_t)groups * 16u, (uint32_t)start, (uint32_t)mult,
                      (uint32_t)y, (uint32_t)(y + rows - rest), (uint32_t)lead, (uint32_t)shift,
                      1u << (shift - 1), (uint32_t)w, 0};
  register uint32_t *at __asm__("r0") = job;
  PREPARE(x, groups)
  for (int end = rows < 4;; end = 1) {
    if (end) {
      job[4] = (uint32_t)last;
      job[5] = (uint32_t)(last + 4);
    }
    __asm__ volatile(EDGERNN_BEGIN
                     "5: ldr r7, [sp]\n ldr r1, [sp, #4]\n adds r1, r1, r0\n mov lr, r1\n"
                     EDGERNN_NO_SUMS "1:\n" EDGERNN_TILE("r0", "r7") "cmp r0, lr\n bne 1b\n"
                     EDGERNN_RESCALED EDGERNN_END
                     : "+r"(at)
                     :
                     : EDGERNN_PASS_LOST);
    if (end || !rest) break;
  }
  for (int i = 0; i < rest; ++i) y[rows - rest + i] = last[i];
}
