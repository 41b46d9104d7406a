/* strip: types=s8 tiles=16x4,8x1 delta=8x1 block=16x4 columns=8191 */
/* Listed columns of eight rows, or blocks of four columns of sixteen, four rows a pass: a row's
 * weights are gathered from the tiles, eight columns or four blocks at once, and the loop's own
 * predicate cuts the last vector. Offsets of columns have 16 bits: 8191 of them at most. */
#if COLS == 1
#define EDGERNN_LISTED_TILES \
  "wlstp.16 lr, %[k], 2f\n 1: vldrh.u16 q3, [%[tiles]], #16\n vldrb.s16 q0, [%[x]], #8\n" \
  "vshl.i16 q3, q3, #3\n"
#define EDGERNN_ROW(BASE, SUM) \
  "vldrb.s16 q1, [%[" BASE "], q3]\n vmladava.s16 " SUM ", q0, q1\n"
#else
#define EDGERNN_LISTED_TILES \
  "wlstp.32 lr, %[k], 2f\n 1: vldrh.u32 q3, [%[tiles]], #8\n vldrw.u32 q0, [%[x]], #16\n" \
  "vshl.i32 q3, q3, #6\n"
#define EDGERNN_ROW(BASE, SUM) "vldrw.u32 q1, [%[" BASE "], q3]\n vmladava.s8 " SUM ", q0, q1\n"
#endif

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  (void)groups;
  for (int r = 0; r < ROWS; r += 4, w += 4 * COLS, acc += 4) {
    const int8_t *u = x;
    const uint16_t *list = tiles;
    __asm__ volatile("ldrd r0, r2, [%[acc]]\n ldrd r4, r6, [%[acc], #8]\n" EDGERNN_LISTED_TILES
                     EDGERNN_ROW("a", "r0") EDGERNN_ROW("b", "r2") EDGERNN_ROW("c", "r4")
                     EDGERNN_ROW("d", "r6") "letp lr, 1b\n"
                     "2: strd r0, r2, [%[acc]]\n strd r4, r6, [%[acc], #8]\n"
                     : [x] "+l"(u), [tiles] "+l"(list)
                     : [k] "r"(count), [acc] "r"(acc), [a] "r"(w), [b] "r"(w + COLS),
                       [c] "r"(w + 2 * COLS), [d] "r"(w + 3 * COLS)
                     : "r0", "r2", "r4", "r6", "lr", "q0", "q1", "q3", "cc", "memory");
  }
}
#undef EDGERNN_LISTED_TILES
#undef EDGERNN_ROW
