/* Four bytes as a word, wherever they lie: these cores load it from any address. */
typedef uint32_t edgernn_word __attribute__((aligned(1), may_alias));

/* sums[4] += gain[4] * rows[4], where rows are 2^(16 - bits) times too large and still fit 32 bits:
 * SMLAWB and SMLAWT drop 16 bits of a product, of which the gains bring `bits`. */
EDGERNN_INLINE void edgernn_four_gains(int32_t *sums, const int32_t *rows, const uint8_t *gain,
                                       int bits) {
  const uint32_t four = *(const edgernn_word *)gain;
  const int32_t even = __builtin_arm_uxtb16((int32_t)four) << bits;
  const int32_t odd = __builtin_arm_uxtb16((int32_t)(four >> 8)) << bits;
  sums[0] = __builtin_arm_smlawb(rows[0], even, sums[0]);
  sums[1] = __builtin_arm_smlawb(rows[1], odd, sums[1]);
  sums[2] = __builtin_arm_smlawt(rows[2], even, sums[2]);
  sums[3] = __builtin_arm_smlawt(rows[3], odd, sums[3]);
}
