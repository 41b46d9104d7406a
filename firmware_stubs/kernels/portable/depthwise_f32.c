/* layout: rows=1 cols=1 */
/* One frame of a depthwise convolution: x[k * step + c] and w[c * kernel + k] give y[c]. */
static void edgernn_depthwise_f32(const float *restrict w, const float *restrict bias,
                                  const float *restrict x, float *restrict y, int channels,
                                  int kernel, int step) {
  for (int c = 0; c < channels; ++c) {
    float a = bias[c];
    for (int k = 0; k < kernel; ++k) a += w[c * kernel + k] * x[k * step + c];
    y[c] = a;
  }
}
