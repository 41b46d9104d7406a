/* edgernn_sigmoid_q of q[n] in place, 32 at a time. Four permutes of 64 words look up the starts of
 * the linear pieces, four more their ends. Rounding by VPMULHRSW is that of edgernn_sigmoid_q. */
typedef int16_t edgernn_sigmoid_words __attribute__((vector_size(64), aligned(1), may_alias));

/* 64 pairs of words: those of t[4] of which the number stands in the upper byte of q */
EDGERNN_INLINE edgernn_sigmoid_words edgernn_sigmoid_pick(const edgernn_sigmoid_words *t,
                                                          edgernn_sigmoid_words q) {
  edgernn_sigmoid_words a, b, c, d;
  a = b = c = d = q >> 8;
  __asm__("vpermi2w %2, %1, %0" : "+v"(a) : "v"(t[0]), "v"(t[1]));
  __asm__("vpermi2w %2, %1, %0" : "+v"(b) : "v"(t[2]), "v"(t[3]));
  __asm__("vpermi2w %2, %1, %0" : "+v"(c) : "v"(t[4]), "v"(t[5]));
  __asm__("vpermi2w %2, %1, %0" : "+v"(d) : "v"(t[6]), "v"(t[7]));
  __asm__("vpmovw2m %3, %%k1\n\tvpmovw2m %4, %%k2\n\t"
          "vmovdqu16 %5, %1 %{%%k2%}\n\tvmovdqu16 %2, %0 %{%%k2%}\n\tvmovdqu16 %1, %0 %{%%k1%}"
          : "+&v"(c), "+&v"(a)
          : "v"(d), "v"(q), "v"(q + q), "v"(b)
          : "k1", "k2");
  return c;
}

static void edgernn_sigmoid_rows(int16_t *restrict q, int n) {
  edgernn_sigmoid_words low[8], high[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    low[i] = *(const edgernn_sigmoid_words *)(edgernn_sigmoid_table + 32 * i);
    high[i] = *(const edgernn_sigmoid_words *)(edgernn_sigmoid_table + 32 * i + 1);
  }
#pragma GCC unroll 1
  for (int i = 0; i < n; i += 32) {
    edgernn_sigmoid_words x, rise;
    const int left = n - i;
    const uint32_t mask = left < 32 ? (1u << left) - 1 : 0xffffffffu;
    __asm__("kmovd %2, %%k1\n\tvmovdqu16 %1, %0 %{%%k1%}%{z%}"
            : "=v"(x)
            : "m"(*(const edgernn_sigmoid_words *)(q + i)), "r"(mask)
            : "k1");
    const edgernn_sigmoid_words start = edgernn_sigmoid_pick(low, x);
    const edgernn_sigmoid_words part = (x << 7) & 0x7f80;
    __asm__("vpmulhrsw %2, %1, %0"
            : "=v"(rise)
            : "v"(edgernn_sigmoid_pick(high, x) - start), "v"(part));
    rise += start;
    if (left >= 32)
      *(edgernn_sigmoid_words *)(q + i) = rise;
    else
      __asm__("kmovd %2, %%k1\n\tvmovdqu16 %1, %0 %{%%k1%}"
              : "+m"(*(edgernn_sigmoid_words *)(q + i))
              : "v"(rise), "r"(mask)
              : "k1");
  }
}
