/* Four rows of int8 weights on SMLAD; strip_s8.c tells how they lie. The sums are in r0, r1, r2 and
 * r12, 256 times too large: at most 512 columns at a time. */
#define EDGERNN_NO_SUMS "movs r0, #0\n movs r1, #0\n movs r2, #0\n mov r12, #0\n"
#define EDGERNN_ROW(W, SUM) \
  "smlad " SUM ", " W ", r8, " SUM "\n sxtb16 " W ", " W "\n smlad " SUM ", " W ", r9, " SUM "\n"
/* LOAD brings a tile's weights to r3 to r6 and the pairs of x to r8 and r9 */
#define EDGERNN_TILE(LOAD) \
  LOAD EDGERNN_ROW("r3", "r0") EDGERNN_ROW("r4", "r1") EDGERNN_ROW("r5", "r2") \
  EDGERNN_ROW("r6", "r12")
/* K > 0 tiles, four a pass; the first pass is entered where it has left what K has over */
#define EDGERNN_TILES(LOAD, K) \
  "and r8, " K ", #3\n tbb [pc, r8]\n" \
  "0: .byte (4f - 0b) / 2, (1f - 0b) / 2, (2f - 0b) / 2, (3f - 0b) / 2\n" \
  "4:\n" EDGERNN_TILE(LOAD) "3:\n" EDGERNN_TILE(LOAD) "2:\n" EDGERNN_TILE(LOAD) \
  "1:\n" EDGERNN_TILE(LOAD) "subs " K ", " K ", #4\n bgt 4b\n"
/* weights at W and x at X follow one another; or the list at LIST says which x; or which weights */
#define EDGERNN_DENSE_TILE(W, X) "ldm " W "!, {r3-r6}\n ldrd r8, r9, [" X "], #8\n"
#define EDGERNN_SPARSE_TILE(W, X, LIST) \
  "ldrh r8, [" LIST "], #2\n ldm " W "!, {r3-r6}\n add r8, " X ", r8, lsl #3\n ldrd r8, r9, [r8]\n"
#define EDGERNN_DELTA_TILE(W, X, LIST) \
  "ldrh r8, [" LIST "], #2\n add r8, " W ", r8, lsl #4\n ldm r8, {r3-r6}\n" \
  "ldrd r8, r9, [" X "], #8\n"
