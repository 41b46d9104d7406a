/* strip: types=s8,s4,s2 tiles=16x4,8x4,4x4,32x1,16x1 dense=16x4 delta=32x1 sparse=16x1:28,16x4:70,8x4:40,4x4:26 s8.offset=128 */
/* Reads the tables of simd128's strips, which take x + 128 where weights have 8 bits and x is not a
 * list of moves: byte i of a tile holds elements i, i + BYTES, ... */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  enum { BYTES_FORM = ROWS * COLS * BITS / 8 };
  const int raise = BITS == 8 && !tiles ? 128 : 0;
  int32_t sum[ROWS];
  for (int r = 0; r < ROWS; ++r) sum[r] = acc[r];
  for (int k = 0; k < count; ++k) {
    const int8_t *const v = w + (tiles ? tiles[k] : k) * BYTES_FORM;
    const int8_t *const u = x + (groups ? groups[k] : k) * COLS;
    for (int i = 0; i < BYTES_FORM; ++i)
      for (int part = 0; part < 8 / BITS; ++part) {
        const int at = part * BYTES_FORM + i;
        const uint32_t up = (uint32_t)(uint8_t)v[i] << (32 - BITS - part * BITS);
        sum[at / COLS] += ((int32_t)up >> (32 - BITS)) * (u[at % COLS] + raise);
      }
  }
  for (int r = 0; r < ROWS; ++r) acc[r] = sum[r];
}
