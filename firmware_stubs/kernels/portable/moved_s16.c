/* As edgernn_moved_s8, of 16-bit columns: a difference may need 17 bits, and is then listed in two
 * parts. The least x is held as its neighbour, so that two parts are enough from end to end. */
static int edgernn_moved_s16(const int16_t *restrict x, int16_t *restrict held, int threshold,
                             int cols, uint16_t *restrict list, int16_t *restrict moves) {
  int count = 0;
  for (int j = 0; j < cols; ++j) {
    const int now = x[j] < -32767 ? -32767 : x[j], d = now - held[j];
    if ((d < 0 ? -d : d) <= threshold) continue;
    const int part = d > 32767 ? 32767 : d < -32767 ? -32767 : d;
    held[j] = (int16_t)now;
    list[count] = (uint16_t)j;
    moves[count++] = (int16_t)part;
    if (part == d) continue;
    list[count] = (uint16_t)j;
    moves[count++] = (int16_t)(d - part);
  }
  for (; count & 3; ++count) {
    list[count] = 0;
    moves[count] = 0;
  }
  return count;
}
