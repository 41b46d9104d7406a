/* strip: types=s8,s4,s2 tiles=64x1,16x1 delta=64x1 s8.sparse=16x1:60 s4.sparse=16x1:60 uses=dots,mix */
/* Single columns, four at a time: their bytes are interleaved, so that vpdpbusd meets each row's
 * four. The weights are raised to be unsigned, and what that adds is taken off. */
#undef EDGERNN_V
#undef EDGERNN_COLUMN
#define EDGERNN_COLUMN(p) (*(const EDGERNN_V(s32) *)(p))
#if ROWS * BITS / 8 == 64
#define EDGERNN_V(name) edgernn_##name##_64
#elif ROWS * BITS / 8 == 32
#define EDGERNN_V(name) edgernn_##name##_32
#else
#define EDGERNN_V(name) edgernn_##name##_16
#if ROWS * BITS / 8 == 8
#undef EDGERNN_COLUMN
#define EDGERNN_COLUMN(p) edgernn_eight_bytes(p)
#endif
#endif
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  enum { BYTES_FORM = ROWS * BITS / 8, PLANES_FORM = 8 / BITS };
  EDGERNN_V(s32) sum[PLANES_FORM][4] = {{{0}}};
  int32_t moved = 0;
  for (int k = 0; k < count; k += 4) {
    EDGERNN_V(s32) column[4];
    int8_t four[4];
    for (int j = 0; j < 4; ++j) {
      column[j] = EDGERNN_COLUMN(w + (tiles ? tiles[k + j] : k + j) * BYTES_FORM);
      four[j] = x[groups ? groups[k + j] : k + j];
      moved += four[j];
    }
    const EDGERNN_V(s32) all = *(const edgernn_word *)four - (EDGERNN_V(s32)){0};
    EDGERNN_V(mix)(column);
    for (int j = 0; j < 4; ++j)
      for (int p = 0; p < PLANES_FORM; ++p)
        sum[p][j] = EDGERNN_V(dot)(sum[p][j], EDGERNN_V(raised)(column[j], BITS, p), all);
  }
  for (int p = 0; p < PLANES_FORM; ++p) {
    for (int j = 0; j < 4; ++j) sum[p][j] -= moved * (1 << (BITS - 1));
    EDGERNN_V(spread)(acc + p * BYTES_FORM, sum[p], BYTES_FORM);
  }
}
