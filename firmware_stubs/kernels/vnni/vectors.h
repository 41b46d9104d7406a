/* vpdpbusd on vectors of any width: four unsigned bytes times four signed ones, onto each lane of
 * 32 bits. */
#define EDGERNN_DOT(SUM, U, S) __asm__("vpdpbusd %2, %1, %0" : "+v"(SUM) : "v"(U), "v"(S))
/* vpdpwssd: the products of both 16-bit words of each lane, onto the lane. */
#define EDGERNN_DOT_WORDS(SUM, A, B) __asm__("vpdpwssd %2, %1, %0" : "+v"(SUM) : "v"(A), "v"(B))
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

/* Four elements of x at a time, and before them the sum of all elements before: what raised weights
 * add is then one difference. room[n + 1]: pairs of words; the last one has a sum only. */
EDGERNN_INLINE void edgernn_vnni_sums(const int8_t *x, int n, int8_t *room) {
  const edgernn_vnni_16 ones = 0x01010101 - (edgernn_vnni_16){0};
  edgernn_vnni_16 before = {0};
  for (; n >= 4; n -= 4, x += 16, room += 32) {
    const edgernn_vnni_16 now = *(const edgernn_vnni_16 *)x;
    edgernn_vnni_16 sum = {0}, up, low, high;
    EDGERNN_DOT(sum, ones, now);
    __asm__("vpslldq $4, %1, %0" : "=v"(up) : "v"(sum));
    up += sum;
    __asm__("vpslldq $8, %1, %0" : "=v"(low) : "v"(up));
    up += low + before;
    sum = up - sum;
    __asm__("vpunpckldq %2, %1, %0" : "=v"(low) : "v"(sum), "v"(now));
    __asm__("vpunpckhdq %2, %1, %0" : "=v"(high) : "v"(sum), "v"(now));
    __asm__("vpshufd $0xff, %1, %0" : "=v"(before) : "v"(up));
    ((edgernn_vnni_16 *)room)[0] = low;
    ((edgernn_vnni_16 *)room)[1] = high;
  }
  int32_t *to = (int32_t *)room, sum = before[0];
  for (; n > 0; --n, x += 4, to += 2) {
    to[0] = sum;
    to[1] = *(const edgernn_vnni_word *)x;
    sum += (x[0] + x[1]) + (x[2] + x[3]);
  }
  to[0] = sum;
}

/* A hint, once a page, to the page after it, of which the address is then translated in time. The
 * address is a number here, for no table need reach that far. */
EDGERNN_INLINE void edgernn_vnni_page(const int8_t *w, int bytes) {
  const uintptr_t at = (uintptr_t)w;
  if ((at & 4095u) < (uintptr_t)bytes) __builtin_prefetch((const void *)(at + 4096u));
}
