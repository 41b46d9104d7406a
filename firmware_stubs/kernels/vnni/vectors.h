/* vpdpbusd on vectors of any width: four unsigned bytes times four signed ones, onto each lane of
 * 32 bits. */
#define EDGERNN_DOT(SUM, U, S) __asm__("vpdpbusd %2, %1, %0" : "+v"(SUM) : "v"(U), "v"(S))
typedef int32_t edgernn_vnni_word __attribute__((aligned(1), may_alias));
typedef int32_t edgernn_vnni_16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef int32_t edgernn_vnni_32 __attribute__((vector_size(32), aligned(1), may_alias));
typedef int32_t edgernn_vnni_64 __attribute__((vector_size(64), aligned(1), may_alias));

/* The sum of x[n]. What lies behind x is neither read nor added. */
EDGERNN_INLINE int32_t edgernn_vnni_total(const int8_t *x, int n) {
  const edgernn_vnni_64 ones = 0x01010101 - (edgernn_vnni_64){0};
  edgernn_vnni_64 sum = {0}, rest;
  for (; n >= 64; n -= 64, x += 64) EDGERNN_DOT(sum, ones, *(const edgernn_vnni_64 *)x);
  __asm__("kmovq %2, %%k1\n\tvmovdqu8 %1, %0 %{%%k1%}%{z%}"
          : "=v"(rest)
          : "m"(*(const edgernn_vnni_64 *)x), "r"(((uint64_t)1 << n) - 1)
          : "k1");
  EDGERNN_DOT(sum, ones, rest);
  const edgernn_vnni_32 half = ((edgernn_vnni_32 *)&sum)[0] + ((edgernn_vnni_32 *)&sum)[1];
  const edgernn_vnni_16 four = ((const edgernn_vnni_16 *)&half)[0] + ((const edgernn_vnni_16 *)&half)[1];
  return (four[0] + four[1]) + (four[2] + four[3]);
}

/* A hint, once a page, to the page after it: prefetchers do not cross from page to page. */
EDGERNN_INLINE void edgernn_vnni_page(const int8_t *w, int bytes) {
  if (((uintptr_t)w & 4095u) < (uintptr_t)bytes) __builtin_prefetch((const void *)((uintptr_t)w + 4096u));
}
