/* The blocks of 4 columns of x of which the squared differences from held[] sum to more than
 * `threshold`: list[] gets the blocks' numbers, moves[] their 4 differences (a block is listed
 * twice where one does not fit 8 bits), and held[] follows. Gives the length of the list. */
static int edgernn_moved4_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                             int cols, uint16_t *restrict list, int8_t *restrict moves) {
  int count = 0;
  for (int j = 0; j < cols; j += 4) {
    int d[4], rest = 0, squares = 0;
    for (int i = 0; i < 4; ++i) {
      d[i] = x[j + i] - held[j + i];
      squares += d[i] * d[i];
    }
    if (squares <= threshold) continue;
    list[count] = (uint16_t)(j >> 2);
    for (int i = 0; i < 4; ++i) {
      const int part = d[i] > 127 ? 127 : d[i] < -127 ? -127 : d[i];
      held[j + i] = x[j + i];
      moves[4 * count + i] = (int8_t)part;
      d[i] -= part;
      rest |= d[i];
    }
    ++count;
    if (!rest) continue;
    list[count] = (uint16_t)(j >> 2);
    for (int i = 0; i < 4; ++i) moves[4 * count + i] = (int8_t)d[i];
    ++count;
  }
  return count;
}
