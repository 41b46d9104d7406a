/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row, sixteen at a time; see edgernn_rescale. */
EDGERNN_INLINE void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult,
                                         int lead, int shift, int16_t *restrict y, int n) {
  typedef int32_t lanes __attribute__((vector_size(64), aligned(1), may_alias));
  typedef int16_t halves __attribute__((vector_size(32), aligned(1), may_alias));
  const lanes half = (1 << (shift - 1)) - (lanes){0};
  for (int i = 0; i < n; i += 16) {
    const int left = n - i;
    const uint32_t mask = left < 16 ? (1u << left) - 1 : 0xffffu;
    lanes sum, by, odd, odd_by, high;
    halves made;
    __asm__("kmovw %4, %%k1\n\t"
            "vmovdqu32 %2, %0 %{%%k1%}%{z%}\n\t"
            "vmovdqu32 %3, %1 %{%%k1%}%{z%}"
            : "=&v"(sum), "=v"(by)
            : "m"(*(const lanes *)(acc + i)), "m"(*(const lanes *)(mult + i)), "r"(mask)
            : "k1");
    sum <<= lead;
    __asm__("vmovshdup %1, %0" : "=v"(odd) : "v"(sum));
    __asm__("vmovshdup %1, %0" : "=v"(odd_by) : "v"(by));
    __asm__("vpmuldq %2, %1, %0" : "=v"(sum) : "v"(sum), "v"(by));
    __asm__("vpmuldq %2, %1, %0" : "=v"(odd) : "v"(odd), "v"(odd_by));
    __asm__("movl $0xaaaa, %%ecx; kmovw %%ecx, %%k1; vmovshdup %1, %0; vmovdqa32 %2, %0 %{%%k1%}"
            : "=&v"(high)
            : "v"(sum), "v"(odd)
            : "k1", "ecx");
    high = (high + half) >> shift;
    __asm__("vpmovsdw %1, %0" : "=v"(made) : "v"(high));
    if (left >= 16)
      *(halves *)(y + i) = made;
    else
      __asm__("kmovw %2, %%k1; vmovdqu16 %1, %0 %{%%k1%}"
              : "+m"(*(halves *)(y + i))
              : "v"(made), "r"(mask)
              : "k1");
  }
}
