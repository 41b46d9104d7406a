/* strip: types=s8,s4,s2 tiles=256x1,128x1 s8.tiles=256x1,128x1,64x1 delta=256x1,128x1 s8.delta=256x1,128x1,64x1 raised uses=vectors */
/* Listed columns, four at a time: their bytes are interleaved, so that vpdpbusd meets the four of a
 * row side by side. Weights are raised and share bytes as in strip_packed.c. Columns lie far apart,
 * so those that come next are fetched ahead; the longer they are, the better prefetchers help. */
enum {
  EDGERNN_VNNI_BYTES_FORM = ROWS * BITS / 8,
  EDGERNN_VNNI_WIDE_FORM = ROWS * BITS / 8 < 64 ? ROWS * BITS / 8 : 64,
  EDGERNN_VNNI_SLICES_FORM = EDGERNN_VNNI_BYTES_FORM / EDGERNN_VNNI_WIDE_FORM
};
typedef int32_t edgernn_vnni_FORM
    __attribute__((vector_size(EDGERNN_VNNI_WIDE_FORM), aligned(1), may_alias));
#define EDGERNN_MIX(TO, WORD, A, B) __asm__(WORD " %2, %1, %0" : "=v"(TO) : "v"(A), "v"(B))
#define EDGERNN_LANES(TO, A, B, WHICH) \
  __asm__("vshufi32x4 %3, %2, %1, %0" : "=v"(TO) : "v"(A), "v"(B), "i"(WHICH))

/* c[4]: columns. Lane l of 16 bytes of c[j] becomes rows 16 l + 4 j and the three after it. */
EDGERNN_INLINE void edgernn_mix_FORM(edgernn_vnni_FORM *c) {
  edgernn_vnni_FORM a, b, d, e;
  EDGERNN_MIX(a, "vpunpcklbw", c[0], c[1]);
  EDGERNN_MIX(b, "vpunpckhbw", c[0], c[1]);
  EDGERNN_MIX(d, "vpunpcklbw", c[2], c[3]);
  EDGERNN_MIX(e, "vpunpckhbw", c[2], c[3]);
  EDGERNN_MIX(c[0], "vpunpcklwd", a, d);
  EDGERNN_MIX(c[1], "vpunpckhwd", a, d);
  EDGERNN_MIX(c[2], "vpunpcklwd", b, e);
  EDGERNN_MIX(c[3], "vpunpckhwd", b, e);
}

/* acc[BYTES] += such lanes, in order. */
EDGERNN_INLINE void edgernn_add_FORM(int32_t *acc, const edgernn_vnni_FORM *s) {
  edgernn_vnni_FORM t[4], *const to = (edgernn_vnni_FORM *)acc;
#if ROWS * BITS >= 512
  edgernn_vnni_FORM u[4];
  EDGERNN_LANES(u[0], s[0], s[1], 0x44);
  EDGERNN_LANES(u[1], s[2], s[3], 0x44);
  EDGERNN_LANES(u[2], s[0], s[1], 0xee);
  EDGERNN_LANES(u[3], s[2], s[3], 0xee);
  EDGERNN_LANES(t[0], u[0], u[1], 0x88);
  EDGERNN_LANES(t[1], u[0], u[1], 0xdd);
  EDGERNN_LANES(t[2], u[2], u[3], 0x88);
  EDGERNN_LANES(t[3], u[2], u[3], 0xdd);
#else
  EDGERNN_LANES(t[0], s[0], s[1], 0);
  EDGERNN_LANES(t[1], s[2], s[3], 0);
  EDGERNN_LANES(t[2], s[0], s[1], 3);
  EDGERNN_LANES(t[3], s[2], s[3], 3);
#endif
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) to[i] += t[i];
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  edgernn_vnni_FORM sum[EDGERNN_VNNI_SLICES_FORM][8 / BITS][4] = {{{{0}}}};
  const edgernn_vnni_64 more = edgernn_vnni_total(x, count, 1 << (BITS - 1));
  (void)groups;
  for (int k = 0; k < count; k += 4) {
    const edgernn_vnni_FORM four = *(const edgernn_vnni_word *)(x + k) - (edgernn_vnni_FORM){0};
    const int8_t *at[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      at[j] = w + (tiles ? tiles[k + j] : k + j) * EDGERNN_VNNI_BYTES_FORM;
      if (!tiles || k + 8 >= count) continue;
#pragma GCC unroll 4
      for (int i = 0; i < EDGERNN_VNNI_SLICES_FORM; ++i)
        __builtin_prefetch(w + tiles[k + 8 + j] * EDGERNN_VNNI_BYTES_FORM + 64 * i);
    }
#pragma GCC unroll 4
    for (int i = 0; i < EDGERNN_VNNI_SLICES_FORM; ++i) {
      edgernn_vnni_FORM column[4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) column[j] = *(const edgernn_vnni_FORM *)(at[j] + 64 * i);
      edgernn_mix_FORM(column);
#pragma GCC unroll 4
      for (int p = 0; p < 8 / BITS; ++p)
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j)
          EDGERNN_DOT(sum[i][p][j], column[j] & (int)EDGERNN_LOW_BITS(BITS * (p + 1)), four);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < EDGERNN_VNNI_SLICES_FORM; ++i)
#pragma GCC unroll 4
    for (int p = 8 / BITS - 1; p >= 0; --p) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        if (p) sum[i][p][j] = (sum[i][p][j] - sum[i][p - (p > 0)][j]) >> (BITS * p);
        sum[i][p][j] -= *(const edgernn_vnni_FORM *)&more;
      }
      edgernn_add_FORM(acc + p * EDGERNN_VNNI_BYTES_FORM + 64 * i, sum[i][p]);
    }
}
#undef EDGERNN_MIX
#undef EDGERNN_LANES
