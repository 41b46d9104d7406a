#include <wasm_simd128.h>
/* As the portable one, each sum in order: sixteen columns of two rows share the loads of b. */
EDGERNN_INLINE void edgernn_matmul_two(const float *a, const float *other, const float *b, float *y,
                                       float *beside, int k, int n) {
  v128_t sum[8];
#pragma GCC unroll 8
  for (int c = 0; c < 8; ++c) sum[c] = wasm_f32x4_splat(0.0f);
  for (int t = 0; t < k; ++t) {
    const v128_t one = wasm_v128_load32_splat(a + t), two = wasm_v128_load32_splat(other + t);
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      const v128_t column = wasm_v128_load(b + t * n + 4 * c);
      sum[c] = wasm_f32x4_add(sum[c], wasm_f32x4_mul(one, column));
      sum[4 + c] = wasm_f32x4_add(sum[4 + c], wasm_f32x4_mul(two, column));
    }
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    wasm_v128_store(y + 4 * c, sum[c]);
    wasm_v128_store(beside + 4 * c, sum[4 + c]);
  }
}

static void edgernn_matmul_f32(const float *restrict a, const float *restrict b,
                               float *restrict y, int m, int k, int n) {
  for (int i = 0; i < m; i += 2, a += 2 * k, y += 2 * n) {
    const int more = i + 1 < m; /* a last row is made twice */
    int j = 0;
    for (; j + 16 <= n; j += 16)
      edgernn_matmul_two(a, a + more * k, b + j, y + j, y + more * n + j, k, n);
    for (; j < n; ++j)
      for (int r = 0; r <= more; ++r) {
        float sum = 0.0f;
        for (int t = 0; t < k; ++t) sum += a[r * k + t] * b[t * n + j];
        y[r * n + j] = sum;
      }
  }
}
