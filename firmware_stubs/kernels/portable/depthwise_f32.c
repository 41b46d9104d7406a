/* One frame of a depthwise convolution: taps w[k * channels + c] on x[k * step + c] give y[c]; each
 * channel sums its taps in order. */
static void edgernn_depthwise_f32(const float *restrict w, const float *restrict bias,
                                  const float *restrict x, float *restrict y, int channels,
                                  int kernel, int step) {
  for (int c = 0; c < channels; ++c) y[c] = bias[c];
  for (int k = 0; k < kernel; ++k)
    for (int c = 0; c < channels; ++c) y[c] += w[k * channels + c] * x[k * step + c];
}
