/* layout: rows=1 cols=1 */
/* One frame of a depthwise convolution: x[k * step + c] and w[c * kernel + k] give y[c]. */
static void edgernn_depthwise_s8(const int8_t *restrict w, const int32_t *restrict start,
                                 const int32_t *restrict mult, int lead, int shift,
                                 const int8_t *restrict x, int16_t *restrict y, int channels,
                                 int kernel, int step) {
  for (int c = 0; c < channels; ++c) {
    int32_t acc = start[c];
    for (int k = 0; k < kernel; ++k) acc += w[c * kernel + k] * (int32_t)x[k * step + c];
    y[c] = edgernn_rescale(acc, mult[c], lead, shift);
  }
}
