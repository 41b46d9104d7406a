/* Vectors of 32 bytes, and weights as 16-bit words: VPMADDWD is exact, VPMADDUBSW may saturate. */
typedef int8_t edgernn_avx2_s8x8 __attribute__((vector_size(8), aligned(1), may_alias));
typedef int8_t edgernn_avx2_s8x16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef int8_t edgernn_avx2_s8x32 __attribute__((vector_size(32), aligned(1), may_alias));
typedef int16_t edgernn_avx2_s16x8 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint16_t edgernn_avx2_u16x16 __attribute__((vector_size(32), aligned(1), may_alias));
typedef int16_t edgernn_avx2_s16x16 __attribute__((vector_size(32), aligned(1), may_alias));
typedef int32_t edgernn_avx2_s32x4 __attribute__((vector_size(16), aligned(1), may_alias));
typedef int32_t edgernn_avx2_s32x8 __attribute__((vector_size(32), aligned(1), may_alias));
typedef int16_t edgernn_avx2_half __attribute__((aligned(1), may_alias));
typedef int32_t edgernn_avx2_word __attribute__((aligned(1), may_alias));
typedef int64_t edgernn_avx2_long __attribute__((aligned(1), may_alias));
typedef int64_t edgernn_avx2_s64x4 __attribute__((vector_size(32)));

/* sixteen bytes as words */
EDGERNN_INLINE edgernn_avx2_s16x16 edgernn_avx2_signed(const int8_t *w) {
  edgernn_avx2_s16x16 words;
  __asm__("vpmovsxbw %1, %0" : "=x"(words) : "m"(*(const edgernn_avx2_s8x16 *)w));
  return words;
}

EDGERNN_INLINE edgernn_avx2_s16x16 edgernn_avx2_unsigned(edgernn_avx2_s8x16 bytes) {
  edgernn_avx2_s16x16 words;
  __asm__("vpmovzxbw %1, %0" : "=x"(words) : "x"(bytes));
  return words;
}

/* a[0] b[0] a[1] b[1] ... of eight bytes each */
EDGERNN_INLINE edgernn_avx2_s8x16 edgernn_avx2_mixed(const int8_t *a, const int8_t *b) {
  typedef int64_t two __attribute__((vector_size(16)));
  edgernn_avx2_s8x16 mixed;
  __asm__("vpunpcklbw %2, %1, %0"
          : "=x"(mixed)
          : "x"((two){*(const edgernn_avx2_long *)a}), "x"((two){*(const edgernn_avx2_long *)b}));
  return mixed;
}

/* four words, again and again */
EDGERNN_INLINE edgernn_avx2_s16x16 edgernn_avx2_repeated(const int16_t *x) {
  return (edgernn_avx2_s16x16)(*(const edgernn_avx2_long *)x - (edgernn_avx2_s64x4){0});
}

/* sum[8] + products of pairs of words */
EDGERNN_INLINE edgernn_avx2_s32x8 edgernn_avx2_dot(edgernn_avx2_s32x8 sum, edgernn_avx2_s16x16 a,
                                                   edgernn_avx2_s16x16 b) {
  edgernn_avx2_s32x8 pairs;
  __asm__("vpmaddwd %2, %1, %0" : "=x"(pairs) : "x"(a), "x"(b));
  return sum + pairs;
}

/* acc[4] += the two lanes of each of four rows */
EDGERNN_INLINE void edgernn_avx2_add_rows(int32_t *acc, edgernn_avx2_s32x8 sum) {
  edgernn_avx2_s32x4 both;
  __asm__("vextracti128 $1, %1, %x0\n\tvphaddd %0, %x1, %0" : "=&x"(both) : "x"(sum));
  *(edgernn_avx2_s32x4 *)acc += both;
}

/* Four elements of x at a time, and before them the sum of all elements before: what raised weights
 * add is then one difference. room[n + 1]: pairs of words; the last one has a sum only. */
EDGERNN_INLINE void edgernn_avx2_sums(const int8_t *x, int n, int8_t *room) {
  const edgernn_avx2_s32x4 ones = 0x01010101 - (edgernn_avx2_s32x4){0}, words = ones & 0x00ff00ff;
  edgernn_avx2_s32x4 before = {0};
  for (; n >= 4; n -= 4, x += 16, room += 32) {
    const edgernn_avx2_s32x4 now = *(const edgernn_avx2_s32x4 *)x;
    edgernn_avx2_s32x4 sum, up, low, high;
    __asm__("vpmaddubsw %2, %1, %0" : "=x"(sum) : "x"(ones), "x"(now));
    __asm__("vpmaddwd %2, %1, %0" : "=x"(sum) : "x"(sum), "x"(words));
    __asm__("vpslldq $4, %1, %0" : "=x"(up) : "x"(sum));
    up += sum;
    __asm__("vpslldq $8, %1, %0" : "=x"(low) : "x"(up));
    up += low + before;
    sum = up - sum;
    __asm__("vpunpckldq %2, %1, %0" : "=x"(low) : "x"(sum), "x"(now));
    __asm__("vpunpckhdq %2, %1, %0" : "=x"(high) : "x"(sum), "x"(now));
    __asm__("vpshufd $0xff, %1, %0" : "=x"(before) : "x"(up));
    ((edgernn_avx2_s32x4 *)room)[0] = low;
    ((edgernn_avx2_s32x4 *)room)[1] = high;
  }
  int32_t *to = (int32_t *)room, sum = before[0];
  for (; n > 0; --n, x += 4, to += 2) {
    to[0] = sum;
    to[1] = *(const edgernn_avx2_word *)x;
    sum += (x[0] + x[1]) + (x[2] + x[3]);
  }
  to[0] = sum;
}

/* A hint, once a page, to the page after it, of which the address is then translated in time. The
 * address is a number here, for no table need reach that far. */
EDGERNN_INLINE void edgernn_avx2_page(const int8_t *w, int bytes) {
  const uintptr_t at = (uintptr_t)w;
  if ((at & 4095u) < (uintptr_t)bytes) __builtin_prefetch((const void *)(at + 4096u));
}
