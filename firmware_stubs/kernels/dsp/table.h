/* As the portable table.h; both ends of a piece come in one load, (low, high) as halfwords, and
 * low (256 - part) + high part is one SMLAD. */
typedef int32_t edgernn_ends __attribute__((aligned(2), may_alias));

EDGERNN_INLINE int32_t edgernn_sigmoid_q(int32_t q12) {
  const uint32_t part = (uint32_t)q12 & 255u;
  const edgernn_ends *const ends =
      (const edgernn_ends *)(edgernn_sigmoid_table + 128 + (q12 >> 8));
  return __builtin_arm_smlad(*ends, (int32_t)((part << 16) - part + 256u), 128) >> 8;
}

EDGERNN_INLINE int32_t edgernn_tanh_q(int32_t twice_q12) {
  return 2 * edgernn_sigmoid_q(twice_q12) - 32768;
}
