/* strip: types=s8 tiles=4x4 dense=4x4 block=4x4 sparse=4x4:18 prepare=16 pairs by_column uses=columns,passes */
/* Four rows, four columns at once; see columns.h. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  int32_t *wide = (int32_t *)room;
  for (int k = 0; k < groups * 4; ++k) wide[k] = x[k];
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  const int by_groups = EDGERNN_LISTED(groups), by_tiles = EDGERNN_LISTED(tiles);
  while (count > 0) {
    const int some = count < 128 ? count : 128;
    EDGERNN_SUMS
    if (by_groups)
      __asm__ volatile("1: ldrh r6, [%[groups]]\n adds %[groups], #2\n lsls r6, r6, #4\n"
                       "add r6, %[x]\n" EDGERNN_TILE("%[w]", "r6") "cmp %[groups], %[end]\n bne 1b"
                       : [w] "+l"(w), [groups] "+l"(groups), EDGERNN_SUMMED
                       : [x] "h"(x), [end] "h"(groups + some)
                       : EDGERNN_LOST);
    else if (by_tiles)
      __asm__ volatile("1: ldrh r6, [%[tiles]]\n adds %[tiles], #2\n lsls r6, r6, #4\n"
                       "add r6, %[w]\n" EDGERNN_TILE("r6", "%[x]") "cmp %[tiles], %[end]\n bne 1b"
                       : [x] "+l"(x), [tiles] "+l"(tiles), EDGERNN_SUMMED
                       : [w] "h"(w), [end] "h"(tiles + some)
                       : EDGERNN_LOST);
    else
      __asm__ volatile("1:\n" EDGERNN_TILE("%[w]", "%[x]") "cmp %[w], %[end]\n bne 1b"
                       : [w] "+l"(w), [x] "+l"(x), EDGERNN_SUMMED
                       : [end] "h"(w + 16 * some)
                       : EDGERNN_LOST);
    EDGERNN_ADD_SUMS(acc)
    count -= some;
  }
}
