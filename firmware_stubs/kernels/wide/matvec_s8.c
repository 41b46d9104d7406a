/* layout: rows=32 cols=2 by column */
/* y[rows] = rescale(start + W x) for CPUs with 128-bit integer vectors, in the vector types of GNU
 * C. Rows lie in the lanes, so nothing is summed across them: weights are packed
 * [rows / 32][cols / 2][2][32]. Two int8 products are summed in 16 bits (2 * 127 * 128 < 2^15),
 * which halves the widening. One element past an odd x is read; it meets zero weights. */
typedef int8_t edgernn_s8x8 __attribute__((vector_size(8), aligned(1)));
typedef int16_t edgernn_s16x8 __attribute__((vector_size(16)));
typedef int32_t edgernn_s32x8 __attribute__((vector_size(32), aligned(4)));
#define EDGERNN_WIDEN(p) __builtin_convertvector(*(const edgernn_s8x8 *)(p), edgernn_s16x8)

static void edgernn_matvec_s8(const int8_t *restrict w, const int32_t *restrict start,
                              const int32_t *restrict mult, int lead, int shift,
                              const int8_t *restrict x, int16_t *restrict y, int rows, int cols) {
  for (int r = 0; r < rows; r += 32) {
    int32_t acc[32];
    edgernn_s32x8 sum[4];
    for (int i = 0; i < 4; ++i) sum[i] = *(const edgernn_s32x8 *)(start + r + 8 * i);
    for (int j = 0; j < cols; j += 2, w += 64) {
      const int16_t u = x[j], v = x[j + 1];
      const edgernn_s16x8 a = {u, u, u, u, u, u, u, u}, b = {v, v, v, v, v, v, v, v};
      for (int i = 0; i < 4; ++i) {
        const int8_t *const p = w + 8 * i;
        const edgernn_s16x8 pair = EDGERNN_WIDEN(p) * a + EDGERNN_WIDEN(p + 32) * b;
        sum[i] += __builtin_convertvector(pair, edgernn_s32x8);
      }
    }
    for (int i = 0; i < 4; ++i) *(edgernn_s32x8 *)(acc + 8 * i) = sum[i];
    const int n = rows - r < 32 ? rows - r : 32;
    for (int i = 0; i < n; ++i) y[r + i] = edgernn_rescale(acc[i], mult[r + i], lead, shift);
  }
}
