/* The columns from j on, one by one, behind `count` that are listed already. */
EDGERNN_INLINE int edgernn_moved_f32_rest(const float *restrict x, float *restrict held,
                                          float threshold, int j, int cols, int count,
                                          uint16_t *restrict list, float *restrict moves) {
  for (; j < cols; ++j) {
    const float d = x[j] - held[j];
    if (!(d > threshold || -d > threshold)) continue;
    held[j] = x[j];
    list[count] = (uint16_t)j;
    moves[count++] = d;
  }
  return count;
}
