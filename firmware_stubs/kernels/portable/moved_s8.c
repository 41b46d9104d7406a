/* The columns of x that have moved by more than `threshold` since they were last held: list[] gets
 * their numbers, moves[] the differences (in two parts where one does not fit 8 bits), and held[]
 * follows. Both lists are padded with zeros to a multiple of 4; gives their length. */
static int edgernn_moved_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                            int cols, uint16_t *restrict list, int8_t *restrict moves) {
  int count = 0;
  for (int j = 0; j < cols; ++j) {
    const int d = x[j] - held[j];
    if ((d < 0 ? -d : d) <= threshold) continue;
    const int part = d > 127 ? 127 : d < -127 ? -127 : d;
    held[j] = x[j];
    list[count] = (uint16_t)j;
    moves[count++] = (int8_t)part;
    if (part == d) continue;
    list[count] = (uint16_t)j;
    moves[count++] = (int8_t)(d - part);
  }
  for (; count & 3; ++count) {
    list[count] = 0;
    moves[count] = 0;
  }
  return count;
}
