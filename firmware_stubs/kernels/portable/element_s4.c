/* Element j of a row of 4-bit integers, the lower half of a byte first, times its chunk's gain. */
EDGERNN_INLINE int32_t edgernn_element_s4(const int8_t *row, const uint8_t *gain, int j) {
  const int32_t v = j & 1 ? row[j >> 1] >> 4 : ((row[j >> 1] & 15) ^ 8) - 8;
  return gain ? v * gain[j >> 5] : v;
}
