/* Sixteen weights as 16-bit words, four columns of four rows, times four elements of x that are
 * repeated: each row gets its sum in two neighbouring lanes. */
typedef int8_t edgernn_avx2_s8x4 __attribute__((vector_size(4), aligned(1), may_alias));
typedef int8_t edgernn_avx2_s8x8 __attribute__((vector_size(8), aligned(1), may_alias));
typedef int8_t edgernn_avx2_s8x16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef int16_t edgernn_avx2_s16x4 __attribute__((vector_size(8), aligned(1), may_alias));
typedef int16_t edgernn_avx2_s16x16 __attribute__((vector_size(32), aligned(1), may_alias));
typedef int32_t edgernn_avx2_s32x4 __attribute__((vector_size(16), aligned(1), may_alias));
typedef int32_t edgernn_avx2_s32x8 __attribute__((vector_size(32), aligned(1), may_alias));

EDGERNN_INLINE edgernn_avx2_s16x16 edgernn_avx2_repeated(edgernn_avx2_s16x4 x) {
  return __builtin_shufflevector(x, x, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
}

EDGERNN_INLINE edgernn_avx2_s8x16 edgernn_avx2_sixteen(const int8_t *w) {
  return *(const edgernn_avx2_s8x16 *)w;
}

/* a[0] b[0] a[1] b[1] ... */
EDGERNN_INLINE edgernn_avx2_s8x16 edgernn_avx2_mixed(const int8_t *a, const int8_t *b) {
  const edgernn_avx2_s8x8 u = *(const edgernn_avx2_s8x8 *)a, v = *(const edgernn_avx2_s8x8 *)b;
  return __builtin_shufflevector(u, v, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
}

/* four elements of x, plus an offset */
EDGERNN_INLINE edgernn_avx2_s16x16 edgernn_avx2_bytes(const int8_t *x, int offset) {
  const edgernn_avx2_s8x4 four = *(const edgernn_avx2_s8x4 *)x;
  const edgernn_avx2_s16x4 words = __builtin_convertvector(four, edgernn_avx2_s16x4);
  return edgernn_avx2_repeated(words) + (int16_t)offset;
}

EDGERNN_INLINE edgernn_avx2_s16x16 edgernn_avx2_halves(const int16_t *x) {
  return edgernn_avx2_repeated(*(const edgernn_avx2_s16x4 *)x);
}

/* element p of the 8 / bits weights that share each of sixteen bytes */
EDGERNN_INLINE edgernn_avx2_s16x16 edgernn_avx2_weights(edgernn_avx2_s8x16 bytes, int bits, int p) {
  const edgernn_avx2_s16x16 wide = __builtin_convertvector(bytes, edgernn_avx2_s16x16);
  return bits == 8 ? wide : (wide << (16 - bits - p * bits)) >> (16 - bits);
}

EDGERNN_INLINE edgernn_avx2_s32x8 edgernn_avx2_dot(edgernn_avx2_s16x16 w, edgernn_avx2_s16x16 x) {
  return (edgernn_avx2_s32x8)__builtin_ia32_pmaddwd256(w, x);
}

/* acc[4] += the two lanes of each of four rows */
EDGERNN_INLINE void edgernn_avx2_add_rows(int32_t *acc, edgernn_avx2_s32x8 sum) {
  *(edgernn_avx2_s32x4 *)acc += __builtin_shufflevector(sum, sum, 0, 2, 4, 6) +
                                __builtin_shufflevector(sum, sum, 1, 3, 5, 7);
}
