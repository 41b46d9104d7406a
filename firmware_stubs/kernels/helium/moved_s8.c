/* As the portable function: the columns of x that have moved, with what they moved by. Sixteen
 * columns are compared at once; each bit of the predicate then is a column. */
static int edgernn_moved_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                            int cols, uint16_t *restrict list, int8_t *restrict moves) {
  const int limit = threshold < 255 ? threshold : 255;
  int count = 0;
  for (int j = 0; j < cols; j += 16) {
    uint32_t far;
    __asm__ volatile("vldrb.u8 q0, [%[x]]\n vldrb.u8 q1, [%[held]]\n vabd.s8 q0, q0, q1\n"
                     "vctp.8 %[left]\n vpst\n vcmpt.u8 hi, q0, %[limit]\n vmrs %[far], p0\n"
                     : [far] "=r"(far)
                     : [x] "r"(x + j), [held] "r"(held + j), [limit] "r"(limit), [left] "r"(cols - j)
                     : "q0", "q1", "memory");
    for (uint32_t left = far & 0xffffu; left; left &= left - 1u) {
      const int k = j + __builtin_ctz(left);
      count = edgernn_column_moves(count, k, x[k] - held[k], list, moves);
    }
    __asm__ volatile("vmsr p0, %[far]\n vpstt\n vldrbt.u8 q0, [%[x]]\n vstrbt.8 q0, [%[held]]\n"
                     :
                     : [x] "r"(x + j), [held] "r"(held + j), [far] "r"(far)
                     : "q0", "memory");
  }
  return edgernn_moved_rest(x, held, threshold, cols, cols, count, list, moves);
}
