/* y[rows] = rescale(start + W x) for a W of which only some tiles are stored: counts[] holds the
 * number of them in each strip, index[] the groups of columns that they meet. */
static void edgernn_sparse_FORM(const int8_t *restrict w, const uint16_t *restrict counts,
                                const uint16_t *restrict index, const int32_t *restrict start,
                                const int32_t *restrict mult, int lead, int shift,
                                const XTYPE *restrict x, int8_t *restrict room,
                                int16_t *restrict y, int rows, int groups) {
  int32_t acc[ROWS];
  (void)groups;
  PREPARE(x, groups)
  for (;; start += ROWS, mult += ROWS, y += ROWS) {
    const int count = *counts++;
    for (int i = 0; i < ROWS; ++i) acc[i] = start[i];
    EDGERNN_ASSUME(index);
    edgernn_strip_FORM(w, READY, 0, index, count, acc);
    if (rows < ROWS) break;
    edgernn_rescale_rows(acc, mult, lead, shift, y, ROWS);
    rows -= ROWS;
    if (!rows) return;
    w += count * TILE_BYTES;
    index += count;
  }
  edgernn_rescale_rows(acc, mult, lead, shift, y, rows);
}
