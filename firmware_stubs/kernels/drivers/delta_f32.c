/* sum[rows] += W moves, reading only the listed columns; see edgernn_moves for the list.
 *
 * What rounding leaves behind would grow with the steps. So some rows are summed anew, as a dense
 * product does it: `unit` of them together, the same on every CPU, each once in `period` steps. */
static void edgernn_delta_FORM(const float *restrict w, const float *restrict bias,
                               const uint16_t *restrict counts, const uint16_t *restrict list,
                               const float *restrict moves, const float *restrict held,
                               const int32_t *restrict age, float *restrict sum, int rows,
                               int cols, int unit, int period) {
  const int units = (rows + unit - 1) / unit, count = *counts;
  const int begin = *age * units / period * unit, end = (*age + 1) * units / period * unit;
  for (int r = 0; r < rows; r += ROWS, w += cols * ROWS) {
    const int anew = r >= begin && r < end, n = rows - r < ROWS ? rows - r : ROWS;
    float part[ROWS], *const acc = n < ROWS ? part : sum + r;
    for (int i = 0; i < n; ++i) acc[i] = anew ? bias[r + i] : sum[r + i];
    for (int i = n; i < ROWS; ++i) acc[i] = 0.0f;
    if (anew) {
      edgernn_strip_FORM(w, held, 0, 0, cols, acc);
    } else {
      EDGERNN_ASSUME(list);
      edgernn_strip_FORM(w, moves, list, 0, count, acc);
    }
    if (n < ROWS)
      for (int i = 0; i < n; ++i) sum[r + i] = acc[i];
  }
}
