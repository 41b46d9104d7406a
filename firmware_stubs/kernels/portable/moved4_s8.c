/* The blocks of 4 columns of x of which the squared differences from held[] sum to more than
 * `threshold`: list[] gets the blocks' numbers, moves[] their 4 differences (a block is listed
 * twice where one does not fit 8 bits), and held[] follows. What remains of the columns behind
 * whole blocks is one that moves beyond `last`, with zeros for what it lacks. Gives the length of
 * the list. */
static int edgernn_moved4_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                             int last, int cols, uint16_t *restrict list,
                             int8_t *restrict moves) {
  return edgernn_moved4_rest(x, held, threshold, last, 0, cols, 0, list, moves);
}
