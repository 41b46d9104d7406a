/* The columns of x that have moved by more than `threshold` since they were last held: list[] gets
 * their numbers, moves[] the differences, and held[] follows. Gives the length of the list. A NaN
 * never moves. */
static int edgernn_moved_f32(const float *restrict x, float *restrict held, float threshold,
                             int cols, uint16_t *restrict list, float *restrict moves) {
  int count = 0;
  for (int j = 0; j < cols; ++j) {
    const float d = x[j] - held[j];
    if (!(d > threshold || -d > threshold)) continue;
    held[j] = x[j];
    list[count] = (uint16_t)j;
    moves[count++] = d;
  }
  return count;
}
