/* Four columns of bytes as rows of four bytes, within each 16 bytes; and the sums of such rows back
 * in their order: lane `l` of vector j holds rows 16 l + 4 j and the three after. */
EDGERNN_INLINE edgernn_s32_16 edgernn_eight_bytes(const int8_t *w) {
  const edgernn_word *const at = (const edgernn_word *)w;
  return (edgernn_s32_16){at[0], at[1], 0, 0};
}

EDGERNN_INLINE void edgernn_mix_64(edgernn_s32_64 *c) {
  edgernn_s32_64 a, b, d, e;
  __asm__("vpunpcklbw %2, %1, %0" : "=v"(a) : "v"(c[0]), "v"(c[1]));
  __asm__("vpunpckhbw %2, %1, %0" : "=v"(b) : "v"(c[0]), "v"(c[1]));
  __asm__("vpunpcklbw %2, %1, %0" : "=v"(d) : "v"(c[2]), "v"(c[3]));
  __asm__("vpunpckhbw %2, %1, %0" : "=v"(e) : "v"(c[2]), "v"(c[3]));
  __asm__("vpunpcklwd %2, %1, %0" : "=v"(c[0]) : "v"(a), "v"(d));
  __asm__("vpunpckhwd %2, %1, %0" : "=v"(c[1]) : "v"(a), "v"(d));
  __asm__("vpunpcklwd %2, %1, %0" : "=v"(c[2]) : "v"(b), "v"(e));
  __asm__("vpunpckhwd %2, %1, %0" : "=v"(c[3]) : "v"(b), "v"(e));
}

EDGERNN_INLINE void edgernn_spread_64(int32_t *acc, const edgernn_s32_64 *sum, int rows) {
  for (int lane = 0; lane < 4; ++lane)
    for (int j = 0; j < 4; ++j) {
      const int row = 16 * lane + 4 * j;
      if (row < rows) *(edgernn_s32_16 *)(acc + row) += ((const edgernn_s32_16 *)&sum[j])[lane];
    }
}

EDGERNN_INLINE void edgernn_mix_32(edgernn_s32_32 *c) {
  edgernn_s32_32 a, b, d, e;
  __asm__("vpunpcklbw %2, %1, %0" : "=v"(a) : "v"(c[0]), "v"(c[1]));
  __asm__("vpunpckhbw %2, %1, %0" : "=v"(b) : "v"(c[0]), "v"(c[1]));
  __asm__("vpunpcklbw %2, %1, %0" : "=v"(d) : "v"(c[2]), "v"(c[3]));
  __asm__("vpunpckhbw %2, %1, %0" : "=v"(e) : "v"(c[2]), "v"(c[3]));
  __asm__("vpunpcklwd %2, %1, %0" : "=v"(c[0]) : "v"(a), "v"(d));
  __asm__("vpunpckhwd %2, %1, %0" : "=v"(c[1]) : "v"(a), "v"(d));
  __asm__("vpunpcklwd %2, %1, %0" : "=v"(c[2]) : "v"(b), "v"(e));
  __asm__("vpunpckhwd %2, %1, %0" : "=v"(c[3]) : "v"(b), "v"(e));
}

EDGERNN_INLINE void edgernn_spread_32(int32_t *acc, const edgernn_s32_32 *sum, int rows) {
  for (int lane = 0; lane < 2; ++lane)
    for (int j = 0; j < 4; ++j) {
      const int row = 16 * lane + 4 * j;
      if (row < rows) *(edgernn_s32_16 *)(acc + row) += ((const edgernn_s32_16 *)&sum[j])[lane];
    }
}

EDGERNN_INLINE void edgernn_mix_16(edgernn_s32_16 *c) {
  edgernn_s32_16 a, b, d, e;
  __asm__("vpunpcklbw %2, %1, %0" : "=v"(a) : "v"(c[0]), "v"(c[1]));
  __asm__("vpunpckhbw %2, %1, %0" : "=v"(b) : "v"(c[0]), "v"(c[1]));
  __asm__("vpunpcklbw %2, %1, %0" : "=v"(d) : "v"(c[2]), "v"(c[3]));
  __asm__("vpunpckhbw %2, %1, %0" : "=v"(e) : "v"(c[2]), "v"(c[3]));
  __asm__("vpunpcklwd %2, %1, %0" : "=v"(c[0]) : "v"(a), "v"(d));
  __asm__("vpunpckhwd %2, %1, %0" : "=v"(c[1]) : "v"(a), "v"(d));
  __asm__("vpunpcklwd %2, %1, %0" : "=v"(c[2]) : "v"(b), "v"(e));
  __asm__("vpunpckhwd %2, %1, %0" : "=v"(c[3]) : "v"(b), "v"(e));
}

EDGERNN_INLINE void edgernn_spread_16(int32_t *acc, const edgernn_s32_16 *sum, int rows) {
  for (int lane = 0; lane < 1; ++lane)
    for (int j = 0; j < 4; ++j) {
      const int row = 16 * lane + 4 * j;
      if (row < rows) *(edgernn_s32_16 *)(acc + row) += ((const edgernn_s32_16 *)&sum[j])[lane];
    }
}
