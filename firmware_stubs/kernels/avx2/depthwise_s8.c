/* One frame of a depthwise convolution, channels in lanes. Two taps are interleaved byte by byte,
 * so that VPMADDWD meets the two of a channel side by side. */
static void edgernn_depthwise_s8(const int8_t *restrict w, const int32_t *restrict start,
                                 const int32_t *restrict mult, int lead, int shift,
                                 const int8_t *restrict x, int16_t *restrict y, int channels,
                                 int kernel, int step) {
  typedef int8_t bytes __attribute__((vector_size(16), aligned(1), may_alias));
  typedef int16_t words __attribute__((vector_size(32)));
  typedef int32_t lanes __attribute__((vector_size(32), aligned(1), may_alias));
  int c = 0;
  for (; c + 16 <= channels; c += 16) {
    lanes sum[2] = {*(const lanes *)(start + c), *(const lanes *)(start + c + 8)};
    for (int k = 0; k < kernel; k += 2) {
      bytes taps[2] = {{0}}, now[2] = {{0}};
#pragma GCC unroll 2
      for (int i = 0; i < 2; ++i) {
        if (k + i >= kernel) break;
        taps[i] = *(const bytes *)(w + (k + i) * channels + c);
        now[i] = *(const bytes *)(x + (k + i) * step + c);
      }
      bytes a, b;
      words p, q;
      lanes both;
      __asm__("vpunpcklbw %2, %1, %0" : "=x"(a) : "x"(taps[0]), "x"(taps[1]));
      __asm__("vpunpcklbw %2, %1, %0" : "=x"(b) : "x"(now[0]), "x"(now[1]));
      __asm__("vpmovsxbw %1, %0" : "=x"(p) : "x"(a));
      __asm__("vpmovsxbw %1, %0" : "=x"(q) : "x"(b));
      __asm__("vpmaddwd %2, %1, %0" : "=x"(both) : "x"(p), "x"(q));
      sum[0] += both;
      __asm__("vpunpckhbw %2, %1, %0" : "=x"(a) : "x"(taps[0]), "x"(taps[1]));
      __asm__("vpunpckhbw %2, %1, %0" : "=x"(b) : "x"(now[0]), "x"(now[1]));
      __asm__("vpmovsxbw %1, %0" : "=x"(p) : "x"(a));
      __asm__("vpmovsxbw %1, %0" : "=x"(q) : "x"(b));
      __asm__("vpmaddwd %2, %1, %0" : "=x"(both) : "x"(p), "x"(q));
      sum[1] += both;
    }
    edgernn_rescale_rows((const int32_t *)sum, mult + c, lead, shift, y + c, 16);
  }
  for (; c < channels; ++c) {
    int32_t acc = start[c];
    for (int k = 0; k < kernel; ++k) acc += w[k * channels + c] * (int32_t)x[k * step + c];
    y[c] = edgernn_rescale(acc, mult[c], lead, shift);
  }
}
