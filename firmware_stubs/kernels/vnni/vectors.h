/* vpdpbusd on vectors of any width: four unsigned bytes times four signed ones, onto each lane of
 * 32 bits. */
#define EDGERNN_DOT(SUM, U, S) __asm__("vpdpbusd %2, %1, %0" : "+v"(SUM) : "v"(U), "v"(S))
/* the lowest n bits of each byte */
#define EDGERNN_LOW_BITS(N) (0x01010101u * ((1u << (N)) - 1u))
typedef int32_t edgernn_vnni_word __attribute__((aligned(1), may_alias));
typedef int32_t edgernn_vnni_16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef int32_t edgernn_vnni_32 __attribute__((vector_size(32), aligned(1), may_alias));
typedef int32_t edgernn_vnni_64 __attribute__((vector_size(64), aligned(1), may_alias));

/* `by` times the sum of x[n], in each lane. What lies behind x is neither read nor added. */
EDGERNN_INLINE edgernn_vnni_64 edgernn_vnni_total(const int8_t *x, int n, int by) {
  const edgernn_vnni_64 ones = (int)((uint32_t)by * 0x01010101u) - (edgernn_vnni_64){0};
  edgernn_vnni_64 all;
  edgernn_vnni_32 half = {0};
  if (n == 32) {
    EDGERNN_DOT(half, *(const edgernn_vnni_32 *)&ones, *(const edgernn_vnni_32 *)x);
  } else {
    edgernn_vnni_64 sum = {0}, rest;
    for (; n >= 64; n -= 64, x += 64) EDGERNN_DOT(sum, ones, *(const edgernn_vnni_64 *)x);
    __asm__("kmovq %2, %%k1\n\tvmovdqu8 %1, %0 %{%%k1%}%{z%}"
            : "=v"(rest)
            : "m"(*(const edgernn_vnni_64 *)x), "r"(((uint64_t)1 << n) - 1)
            : "k1");
    EDGERNN_DOT(sum, ones, rest);
    half = ((edgernn_vnni_32 *)&sum)[0] + ((edgernn_vnni_32 *)&sum)[1];
  }
  edgernn_vnni_16 other, four = ((edgernn_vnni_16 *)&half)[0] + ((edgernn_vnni_16 *)&half)[1];
  __asm__("vpshufd $0x4e, %1, %0" : "=v"(other) : "v"(four));
  four += other;
  __asm__("vpshufd $0xb1, %1, %0" : "=v"(other) : "v"(four));
  four += other;
  __asm__("vpbroadcastd %x1, %0" : "=v"(all) : "v"(four));
  return all;
}

/* A hint, once a page, to the page after it, of which the address is then translated in time. The
 * address is a number here, for no table need reach that far. */
EDGERNN_INLINE void edgernn_vnni_page(const int8_t *w, int bytes) {
  const uintptr_t at = (uintptr_t)w;
  if ((at & 4095u) < (uintptr_t)bytes) __builtin_prefetch((const void *)(at + 4096u));
}
