/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row, eight at a time; see edgernn_rescale. */
EDGERNN_INLINE void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult,
                                         int lead, int shift, int16_t *restrict y, int n) {
  typedef int32_t lanes __attribute__((vector_size(32), aligned(1), may_alias));
  typedef int16_t words __attribute__((vector_size(16), aligned(1), may_alias));
  const lanes half = (1 << (shift - 1)) - (lanes){0};
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    const lanes sum = *(const lanes *)(acc + i) << lead, by = *(const lanes *)(mult + i);
    lanes odd, odd_by, even, high;
    words made;
    __asm__("vmovshdup %1, %0" : "=x"(odd) : "x"(sum));
    __asm__("vmovshdup %1, %0" : "=x"(odd_by) : "x"(by));
    __asm__("vpmuldq %2, %1, %0" : "=x"(even) : "x"(sum), "x"(by));
    __asm__("vpmuldq %2, %1, %0" : "=x"(odd) : "x"(odd), "x"(odd_by));
    __asm__("vmovshdup %1, %0" : "=x"(even) : "x"(even));
    __asm__("vpblendd $0xaa, %2, %1, %0" : "=x"(high) : "x"(even), "x"(odd));
    high = (high + half) >> shift;
    __asm__("vextracti128 $1, %1, %x0\n\tvpackssdw %x0, %x1, %x0" : "=&x"(made) : "x"(high));
    *(words *)(y + i) = made;
  }
  for (; i < n; ++i) y[i] = edgernn_rescale(acc[i], mult[i], lead, shift);
}
