/* driver: forms=s8_4x4 columns=512 */
/* As edgernn_sparse, four rows a pass, start to saturation in registers. */
static void edgernn_sparse_FORM_narrow(const int8_t *restrict w, const uint16_t *restrict counts,
                                       const uint16_t *restrict index,
                                       const int32_t *restrict start, const int32_t *restrict mult,
                                       int lead, int shift, const int8_t *restrict x,
                                       int8_t *restrict room, int16_t *restrict y, int rows,
                                       int groups) {
  int16_t last[4];
  const int rest = rows & 3;
  uint32_t job[11] = {(uint32_t)counts, (uint32_t)index, (uint32_t)start, (uint32_t)mult,
                      (uint32_t)lead, (uint32_t)shift, 1u << (shift - 1), (uint32_t)y,
                      (uint32_t)(y + rows - rest), (uint32_t)w, (uint32_t)room};
  register uint32_t *at __asm__("r0") = job;
  PREPARE(x, groups)
  for (int end = rows < 4;; end = 1) {
    if (end) {
      job[7] = (uint32_t)last;
      job[8] = (uint32_t)(last + 4);
    }
    __asm__ volatile(EDGERNN_BEGIN "mov r7, r11\n mov r10, r12\n mov lr, r2\n"
                     "5: ldr r3, [sp]\n" EDGERNN_NO_SUMS "ldrh r11, [r3], #2\n str r3, [sp]\n"
                     "cmp r11, #0\n beq 6f\n"
                     EDGERNN_TILES(EDGERNN_SPARSE_TILE("r7", "r10", "lr"), "r11")
                     "6:\n" EDGERNN_RESCALED "str lr, [sp, #4]\n" EDGERNN_END
                     : "+r"(at)
                     :
                     : EDGERNN_PASS_LOST);
    if (end || !rest) break;
  }
  for (int i = 0; i < rest; ++i) y[rows - rest + i] = last[i];
}
