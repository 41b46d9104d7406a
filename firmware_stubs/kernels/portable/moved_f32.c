/* The columns of x that have moved by more than `threshold` since they were last held: list[] gets
 * their numbers, moves[] the differences, and held[] follows. Gives the length of the list. A NaN
 * never moves. */
static int edgernn_moved_f32(const float *restrict x, float *restrict held, float threshold,
                             int cols, uint16_t *restrict list, float *restrict moves) {
  return edgernn_moved_f32_rest(x, held, threshold, 0, cols, 0, list, moves);
}
