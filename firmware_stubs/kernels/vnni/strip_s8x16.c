/* strip: types=s8x16 tiles=256x1,128x1,64x1,32x1 delta=256x1,128x1,64x1,32x1 uses=vectors */
/* Listed columns against 16-bit moves, two at a time: 32 rows of both are widened and interleaved,
 * so that VPDPWSSD meets the two of a row side by side. Lane l of 16 bytes of `low` holds rows 8 l
 * to 8 l + 3, of `high` the four after them. See the AVX2 strip, over the same tables. */
typedef int32_t edgernn_wide_FORM __attribute__((vector_size(64), aligned(1), may_alias));

/* acc[32] += such lanes, in order */
EDGERNN_INLINE void edgernn_add_rows_FORM(int32_t *acc, edgernn_wide_FORM low,
                                          edgernn_wide_FORM high) {
  const edgernn_wide_FORM first = {0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23};
  const edgernn_wide_FORM second = first + 8;
  edgernn_wide_FORM a = first, b = second;
  __asm__("vpermi2d %2, %1, %0" : "+v"(a) : "v"(low), "v"(high));
  __asm__("vpermi2d %2, %1, %0" : "+v"(b) : "v"(low), "v"(high));
  *(edgernn_wide_FORM *)acc += a;
  *(edgernn_wide_FORM *)(acc + 16) += b;
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int16_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  typedef int8_t bytes_FORM __attribute__((vector_size(32), aligned(1), may_alias));
  edgernn_wide_FORM low[ROWS / 32] = {{0}}, high[ROWS / 32] = {{0}};
  (void)groups;
  for (int k = 0; k < count; k += 2) {
    const int8_t *const a = w + (tiles ? tiles[k] : k) * ROWS;
    const int8_t *const b = w + (tiles ? tiles[k + 1] : k + 1) * ROWS;
    const edgernn_wide_FORM pair = *(const edgernn_vnni_word *)(x + k) - (edgernn_wide_FORM){0};
    if (ROWS > 64 && tiles && k + 8 < count)
#pragma GCC unroll 4
      for (int i = 0; i < ROWS; i += 64) {
        __builtin_prefetch(w + tiles[k + 8] * ROWS + i);
        __builtin_prefetch(w + tiles[k + 9] * ROWS + i);
      }
#pragma GCC unroll 8
    for (int i = 0; i < ROWS / 32; ++i) {
      edgernn_wide_FORM c, d, mixed;
      __asm__("vpmovsxbw %1, %0" : "=v"(c) : "m"(*(const bytes_FORM *)(a + 32 * i)));
      __asm__("vpmovsxbw %1, %0" : "=v"(d) : "m"(*(const bytes_FORM *)(b + 32 * i)));
      __asm__("vpunpcklwd %2, %1, %0" : "=v"(mixed) : "v"(c), "v"(d));
      __asm__("vpdpwssd %2, %1, %0" : "+v"(low[i]) : "v"(mixed), "v"(pair));
      __asm__("vpunpckhwd %2, %1, %0" : "=v"(mixed) : "v"(c), "v"(d));
      __asm__("vpdpwssd %2, %1, %0" : "+v"(high[i]) : "v"(mixed), "v"(pair));
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < ROWS / 32; ++i) edgernn_add_rows_FORM(acc + 32 * i, low[i], high[i]);
}
