#include <wasm_simd128.h>
/* As the portable function: the columns of x that have moved, with what they moved by. Sixteen
 * columns are compared at once; a mask then leads from one to the next. */
static int edgernn_moved_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                            int cols, uint16_t *restrict list, int8_t *restrict moves) {
  const v128_t limit = wasm_i8x16_splat((int8_t)(threshold < 255 ? threshold : 255));
  int count = 0, j = 0;
  for (; j + 16 <= cols; j += 16) {
    const v128_t now = wasm_v128_load(x + j), old = wasm_v128_load(held + j);
    const v128_t way = wasm_i8x16_sub(wasm_i8x16_max(now, old), wasm_i8x16_min(now, old));
    const v128_t far = wasm_u8x16_gt(way, limit);
    for (uint32_t mask = wasm_i8x16_bitmask(far); mask; mask &= mask - 1) {
      const int k = j + __builtin_ctz(mask);
      count = edgernn_column_moves(count, k, x[k] - held[k], list, moves);
    }
    wasm_v128_store(held + j, wasm_v128_bitselect(now, old, far));
  }
  return edgernn_moved_rest(x, held, threshold, j, cols, count, list, moves);
}
