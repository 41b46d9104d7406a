/* strip: types=s8,s4,s2 tiles=32x4,16x4,8x4,4x4 dense=32x4 offset=128 sparse=16x4:88,8x4:58,4x4:50 s4.sparse=16x4:88,8x4:58 s2.sparse=16x4:100 uses=dots */
/* Four columns at a time by vpdpbusd, rows in the lanes, some groups side by side. x + 128 is the
 * unsigned factor; where x is a list of differences, the weights are raised instead, and what that
 * adds is taken off. */
#undef EDGERNN_V
#if ROWS * COLS * BITS / 8 >= 64
#define EDGERNN_V(name) edgernn_##name##_64
#define EDGERNN_V_BYTES 64
#elif ROWS * COLS * BITS / 8 == 32
#define EDGERNN_V(name) edgernn_##name##_32
#define EDGERNN_V_BYTES 32
#else
#define EDGERNN_V(name) edgernn_##name##_16
#define EDGERNN_V_BYTES 16
#endif
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  enum {
    BYTES_FORM = ROWS * COLS * BITS / 8,
    VECTORS_FORM = BYTES_FORM / EDGERNN_V_BYTES,
    PLANES_FORM = 8 / BITS,
    LANES_FORM = EDGERNN_V_BYTES / 4,
    SUMS_FORM = PLANES_FORM * VECTORS_FORM,
    CHAINS_FORM = SUMS_FORM >= 4 ? 1 : 4 / SUMS_FORM /* four sums at once hide what one takes */
  };
  EDGERNN_V(s32) sum[CHAINS_FORM][SUMS_FORM] = {{{0}}};
  for (int k = 0; k < count; k += CHAINS_FORM) {
    for (int j = 0; j < CHAINS_FORM; ++j) {
      if (k + j >= count) break;
      const int8_t *const v = w + (tiles ? tiles[k + j] : k + j) * BYTES_FORM;
      const int at = (groups ? groups[k + j] : k + j) * COLS;
      const EDGERNN_V(s32) four = *(const edgernn_word *)(x + at) - (EDGERNN_V(s32)){0};
      for (int i = 0; i < VECTORS_FORM; ++i) {
        const EDGERNN_V(s32) raw = *(const EDGERNN_V(s32) *)(v + i * EDGERNN_V_BYTES);
        for (int p = 0; p < PLANES_FORM; ++p) {
          EDGERNN_V(s32) *const to = &sum[j][p * VECTORS_FORM + i];
          if (tiles)
            *to = EDGERNN_V(dot)(*to, EDGERNN_V(raised)(raw, BITS, p), four);
          else
            *to = EDGERNN_V(dot)(*to, four ^ (int)0x80808080u, EDGERNN_V(top)(raw, BITS, p));
        }
      }
    }
  }
  int32_t moved = 0;
  if (tiles)
    for (int k = 0; k < count * COLS; ++k) moved += x[k];
  for (int i = 0; i < SUMS_FORM; ++i) {
    EDGERNN_V(s32) all = sum[0][i];
    for (int j = 1; j < CHAINS_FORM; ++j) all += sum[j][i];
    EDGERNN_V(s32) *const to = (EDGERNN_V(s32) *)(acc + i * LANES_FORM);
    *to += tiles ? all - moved * (1 << (BITS - 1)) : all >> (8 - BITS);
  }
}
#undef EDGERNN_V_BYTES
