/* layout: rows=8 cols=1 */
/* y[rows] = bias + W x in the vector types of GNU C; W packed [rows / 8][cols][8]; each row sums
 * its columns in order. Four blocks of rows run side by side, so that no addition waits for the
 * one before. */
typedef float edgernn_f32x8 __attribute__((vector_size(32), aligned(4)));

EDGERNN_INLINE void edgernn_row_blocks_f32(const float *restrict w, const float *restrict x,
                                           float *restrict acc, int cols, int blocks) {
  edgernn_f32x8 sum[4];
  for (int b = 0; b < blocks; ++b) sum[b] = *(const edgernn_f32x8 *)(acc + 8 * b);
  for (int j = 0; j < cols; ++j) {
    const float v = x[j];
    const edgernn_f32x8 all = {v, v, v, v, v, v, v, v};
    for (int b = 0; b < blocks; ++b) {
      sum[b] += *(const edgernn_f32x8 *)(w + (b * cols + j) * 8) * all;
    }
  }
  for (int b = 0; b < blocks; ++b) *(edgernn_f32x8 *)(acc + 8 * b) = sum[b];
}

static void edgernn_matvec_f32(const float *restrict w, const float *restrict bias,
                               const float *restrict x, float *restrict y, int rows, int cols) {
  int r = 0;
  for (; r + 32 <= rows; r += 32, w += 32 * cols) {
    for (int i = 0; i < 32; ++i) y[r + i] = bias[r + i];
    edgernn_row_blocks_f32(w, x, y + r, cols, 4);
  }
  for (; r < rows; r += 8, w += 8 * cols) {
    float acc[8] = {0.0f};
    const int n = rows - r < 8 ? rows - r : 8;
    for (int i = 0; i < n; ++i) acc[i] = bias[r + i];
    edgernn_row_blocks_f32(w, x, acc, cols, 1);
    for (int i = 0; i < n; ++i) y[r + i] = acc[i];
  }
}
