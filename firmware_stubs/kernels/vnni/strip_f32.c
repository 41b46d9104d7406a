/* strip: types=f32 tiles=256x1,128x1,64x1,32x1 delta=256x1,128x1,64x1,32x1 */
/* As the AVX2 strip over the same tables, sixteen rows a vector: of listed columns all rows of a
 * tile at once. */
EDGERNN_INLINE void edgernn_strip_FORM(const float *w, const float *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, float *acc) {
  typedef float f32x16_FORM __attribute__((vector_size(64), aligned(4), may_alias));
  f32x16_FORM sum[ROWS / 16];
#pragma GCC unroll 16
  for (int i = 0; i < ROWS / 16; ++i) sum[i] = *(const f32x16_FORM *)(acc + 16 * i);
  for (int k = 0; k < count; ++k) {
    const float *const v = w + (tiles ? tiles[k] : k) * ROWS;
    const float u = x[groups ? groups[k] : k];
    if (ROWS > 32 && tiles && k + 4 < count)
#pragma GCC unroll 16
      for (int i = 0; i < ROWS; i += 16) __builtin_prefetch(w + tiles[k + 4] * ROWS + i);
#pragma GCC unroll 16
    for (int i = 0; i < ROWS / 16; ++i) sum[i] += *(const f32x16_FORM *)(v + 16 * i) * u;
  }
#pragma GCC unroll 16
  for (int i = 0; i < ROWS / 16; ++i) *(f32x16_FORM *)(acc + 16 * i) = sum[i];
}
