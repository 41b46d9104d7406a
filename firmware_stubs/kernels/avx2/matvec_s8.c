/* layout: rows=32 cols=2 */
/* y[rows] = rescale(start + W x) with AVX2: one instruction multiplies 16 pairs and adds each pair
 * in 32 bits. Rows lie in the lanes; weights are packed [rows / 32][cols / 2][32][2]. One element
 * past an odd x is read; it meets zero weights. */
typedef int8_t edgernn_s8x16 __attribute__((vector_size(16), aligned(1)));
typedef int16_t edgernn_s16x16 __attribute__((vector_size(32)));
typedef int32_t edgernn_s32x8 __attribute__((vector_size(32), aligned(4)));

static void edgernn_matvec_s8(const int8_t *restrict w, const int32_t *restrict start,
                              const int32_t *restrict mult, int lead, int shift,
                              const int8_t *restrict x, int16_t *restrict y, int rows, int cols) {
  for (int r = 0; r < rows; r += 32) {
    int32_t acc[32];
    edgernn_s32x8 sum[4];
    for (int i = 0; i < 4; ++i) sum[i] = *(const edgernn_s32x8 *)(start + r + 8 * i);
    for (int j = 0; j < cols; j += 2, w += 64) {
      const uint32_t low = (uint16_t)x[j], high = (uint16_t)x[j + 1];
      const int32_t pair = (int32_t)(low | high << 16);
      const edgernn_s32x8 all = {pair, pair, pair, pair, pair, pair, pair, pair};
      for (int i = 0; i < 4; ++i) {
        const edgernn_s8x16 rows16 = *(const edgernn_s8x16 *)(w + 16 * i);
        const edgernn_s16x16 wide = __builtin_convertvector(rows16, edgernn_s16x16);
        sum[i] += (edgernn_s32x8)__builtin_ia32_pmaddwd256(wide, (edgernn_s16x16)all);
      }
    }
    for (int i = 0; i < 4; ++i) *(edgernn_s32x8 *)(acc + 8 * i) = sum[i];
    const int n = rows - r < 32 ? rows - r : 32;
    for (int i = 0; i < n; ++i) y[r + i] = edgernn_rescale(acc[i], mult[r + i], lead, shift);
  }
}
