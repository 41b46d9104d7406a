/* One frame of a depthwise convolution: taps w[k * channels + c] on x[k * step + c] give y[c]. The
 * channels lie side by side, so that compilers turn the inner loops into vector code. */
static void edgernn_depthwise_s8(const int8_t *restrict w, const int32_t *restrict start,
                                 const int32_t *restrict mult, int lead, int shift,
                                 const int8_t *restrict x, int16_t *restrict y, int channels,
                                 int kernel, int step) {
  for (int c = 0; c < channels; c += 32) {
    int32_t acc[32];
    const int n = channels - c < 32 ? channels - c : 32;
    for (int i = 0; i < n; ++i) acc[i] = start[c + i];
    for (int k = 0; k < kernel; ++k)
      for (int i = 0; i < n; ++i)
        acc[i] += w[k * channels + c + i] * (int32_t)x[k * step + c + i];
    edgernn_rescale_rows(acc, mult + c, lead, shift, y + c, n);
  }
}
