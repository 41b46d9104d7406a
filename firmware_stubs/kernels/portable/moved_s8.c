/* The columns of x that have moved by more than `threshold` since they were last held: list[] gets
 * their numbers, moves[] the differences (in two parts where one does not fit 8 bits), and held[]
 * follows. Both lists are padded with zeros to a multiple of 4; gives their length. */
static int edgernn_moved_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                            int cols, uint16_t *restrict list, int8_t *restrict moves) {
  return edgernn_moved_rest(x, held, threshold, 0, cols, 0, list, moves);
}
