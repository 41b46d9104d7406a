/* Sum of x[n] in eight lanes, element j in lane j % 8, then lanes 0..7 in pairs: a fixed order that
 * compilers may still compute side by side. */
EDGERNN_INLINE float edgernn_lanes_f32(const float *lane) {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* (x - mean) / sqrt(var + eps) * gain + bias of each row x[outer][n]. */
static void edgernn_layernorm_f32(const float *restrict x, const float *restrict gain,
                                  const float *restrict bias, float *restrict y, float eps,
                                  int outer, int n) {
  for (int i = 0; i < outer; ++i, x += n, y += n) {
    float sum[8] = {0.0f}, squares[8] = {0.0f};
    int j = 0;
    for (; j + 8 <= n; j += 8)
      for (int k = 0; k < 8; ++k) sum[k] += x[j + k];
    for (int k = 0; j + k < n; ++k) sum[k] += x[j + k];
    const float mean = edgernn_lanes_f32(sum) / (float)n;
    for (j = 0; j < n; ++j) y[j] = x[j] - mean;
    for (j = 0; j + 8 <= n; j += 8)
      for (int k = 0; k < 8; ++k) squares[k] += y[j + k] * y[j + k];
    for (int k = 0; j + k < n; ++k) squares[k] += y[j + k] * y[j + k];
    const float var = edgernn_lanes_f32(squares) / (float)n;
    const float scale = 1.0f / edgernn_sqrt_f32(var + eps);
    for (j = 0; j < n; ++j) y[j] = y[j] * scale * gain[j] + bias[j];
  }
}
