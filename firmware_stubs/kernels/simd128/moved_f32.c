#include <wasm_simd128.h>
/* The columns of x that have moved; see the portable one. Four are compared at a time; a mask then
 * leads from one to the next. */
static int edgernn_moved_f32(const float *restrict x, float *restrict held, float threshold,
                             int cols, uint16_t *restrict list, float *restrict moves) {
  const v128_t limit = wasm_f32x4_splat(threshold);
  int count = 0, j = 0;
  for (; j + 4 <= cols; j += 4) {
    const v128_t now = wasm_v128_load(x + j), old = wasm_v128_load(held + j);
    const v128_t far = wasm_f32x4_gt(wasm_f32x4_abs(wasm_f32x4_sub(now, old)), limit);
    for (uint32_t mask = wasm_i32x4_bitmask(far); mask; mask &= mask - 1) {
      const int k = j + __builtin_ctz(mask);
      list[count] = (uint16_t)k;
      moves[count++] = x[k] - held[k];
    }
    wasm_v128_store(held + j, wasm_v128_bitselect(now, old, far));
  }
  return edgernn_moved_f32_rest(x, held, threshold, j, cols, count, list, moves);
}
