/* As edgernn_moved_f32, by blocks of 4: those of which the squared differences sum to more than
 * `threshold`, the last one, if it is shorter, to more than `last`. Their columns are listed one by
 * one, since a column of floats fills the lanes alone. */
static int edgernn_moved4_f32(const float *restrict x, float *restrict held, float threshold,
                              float last, int cols, uint16_t *restrict list,
                              float *restrict moves) {
  int count = 0;
  for (int j = 0; j < cols; j += 4) {
    const int n = cols - j < 4 ? cols - j : 4;
    float d[4], sum = 0.0f;
    for (int i = 0; i < n; ++i) {
      d[i] = x[j + i] - held[j + i];
      sum = i ? sum + d[i] * d[i] : d[i] * d[i];
    }
    if (!(sum > (n < 4 ? last : threshold))) continue;
    for (int i = 0; i < n; ++i) {
      held[j + i] = x[j + i];
      list[count] = (uint16_t)(j + i);
      moves[count++] = d[i];
    }
  }
  return count;
}
