/* y[rows] = rescale(start + W x), strip by strip. */
static void edgernn_dense_FORM(const int8_t *restrict w, const int32_t *restrict start,
                               const int32_t *restrict mult, int lead, int shift,
                               const XTYPE *restrict x, int8_t *restrict room,
                               int16_t *restrict y, int rows, int groups) {
  int32_t acc[ROWS];
  PREPARE(x, groups)
  for (;; start += ROWS, mult += ROWS, y += ROWS, w += groups * TILE_BYTES) {
    for (int i = 0; i < ROWS; ++i) acc[i] = start[i];
    edgernn_strip_FORM(w, READY, 0, 0, groups, acc);
    if (rows < ROWS) break;
    edgernn_rescale_rows(acc, mult, lead, shift, y, ROWS);
    rows -= ROWS;
    if (!rows) return;
  }
  edgernn_rescale_rows(acc, mult, lead, shift, y, rows);
}
