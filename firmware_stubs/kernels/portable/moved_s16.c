/* As edgernn_moved_s8, of 16-bit columns: a difference may need 17 bits, and is then listed in two
 * parts. The least x is held as its neighbour, so that two parts are enough from end to end. */
static int edgernn_moved_s16(const int16_t *restrict x, int16_t *restrict held, int threshold,
                             int cols, uint16_t *restrict list, int16_t *restrict moves) {
  return edgernn_moved_s16_rest(x, held, threshold, 0, cols, 0, list, moves);
}
