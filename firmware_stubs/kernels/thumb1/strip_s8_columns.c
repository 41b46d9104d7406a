/* strip: types=s8 tiles=4x1 delta=4x1 prepare=8 pairs uses=columns,passes */
/* Four rows, single columns; see columns.h. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  int32_t *wide = (int32_t *)room;
  for (int k = 0; k < groups; ++k) wide[k] = x[k];
}

#define EDGERNN_LISTED_COLUMN(AT) \
  "ldrh r3, [%[tiles], #" AT "]\n lsls r3, r3, #2\n add r3, %[w]\n ldr r3, [r3]\n" \
  "ldm %[x]!, {r2}\n" EDGERNN_COLUMN("r3")

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  (void)groups;
  while (count > 0) {
    const int some = count < 512 ? count : 512;
    EDGERNN_SUMS
    __asm__ volatile("1:\n" EDGERNN_LISTED_COLUMN("0") EDGERNN_LISTED_COLUMN("2")
                     EDGERNN_LISTED_COLUMN("4") EDGERNN_LISTED_COLUMN("6")
                     "adds %[tiles], #8\n cmp %[tiles], %[end]\n bne 1b"
                     : [x] "+l"(x), [tiles] "+l"(tiles), EDGERNN_SUMMED
                     : [w] "h"(w), [end] "h"(tiles + some)
                     : EDGERNN_LOST);
    EDGERNN_ADD_SUMS(acc)
    count -= some;
  }
}
#undef EDGERNN_LISTED_COLUMN
