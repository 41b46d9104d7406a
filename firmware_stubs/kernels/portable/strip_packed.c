/* strip: types=s4,s2 tiles=any dense=4x4 delta=4x1 block=4x4 sparse=4x4:24 */
/* A strip of 4-bit or 2-bit weights in plain C: byte i of a tile holds elements i, i + BYTES, ... */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  enum { BYTES_FORM = ROWS * COLS * BITS / 8 };
  for (int k = 0; k < count; ++k) {
    const int8_t *const v = w + (tiles ? tiles[k] : k) * BYTES_FORM;
    const int8_t *const u = x + (groups ? groups[k] : k) * COLS;
    for (int r = 0; r < ROWS; ++r)
      for (int c = 0; c < COLS; ++c) {
        const int at = r * COLS + c, low = at / BYTES_FORM * BITS;
        const uint32_t up = (uint32_t)(uint8_t)v[at % BYTES_FORM] << (32 - BITS - low);
        acc[r] += ((int32_t)up >> (32 - BITS)) * u[c];
      }
  }
}
