/* sigmoid over [-8, 8] in 256 linear pieces, Q3.12 in 16 bits, Q0.15 out; tanh(x) = 2 sigmoid(2x) - 1 */
EDGERNN_INLINE int32_t edgernn_sigmoid_q(int32_t q12) {
  const uint32_t x = (uint32_t)(q12 + 32768);
  const int32_t part = (int32_t)(x & 255u);
  const int32_t low = edgernn_sigmoid_table[x >> 8], high = edgernn_sigmoid_table[(x >> 8) + 1u];
  return low + (((high - low) * part + 128) >> 8);
}

EDGERNN_INLINE int32_t edgernn_tanh_q(int32_t twice_q12) {
  return 2 * edgernn_sigmoid_q(twice_q12) - 32768;
}
