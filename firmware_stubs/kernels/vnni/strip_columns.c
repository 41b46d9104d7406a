/* strip: types=s8,s4,s2 tiles=256x1,128x1 s8.tiles=256x1,128x1,64x1 delta=256x1,128x1 s8.delta=256x1,128x1,64x1 raised s4.prepare=2 s2.prepare=2 uses=vectors */
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

#if BITS < 8
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  edgernn_vnni_sums(x, groups / 4, room);
}
#endif

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  edgernn_vnni_FORM sum[EDGERNN_VNNI_SLICES_FORM][8 / BITS][4] = {{{{0}}}};
  edgernn_vnni_64 more = {0};
  if (BITS < 8)
    more += (*(const int32_t *)(x + 2 * count) - *(const int32_t *)x) * (1 << (BITS - 1));
  else
    more = edgernn_vnni_total(x, count, 128);
  (void)groups;
  for (int k = 0; k < count; k += 4) {
    const int8_t *const moves = BITS < 8 ? x + 2 * k + 4 : x + k;
    const edgernn_vnni_FORM four = *(const edgernn_vnni_word *)moves - (edgernn_vnni_FORM){0};
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

#if BITS < 8
#if ROWS * BITS >= 512
#define EDGERNN_FIRST ((edgernn_vnni_FORM){0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3})
#else
#define EDGERNN_FIRST ((edgernn_vnni_FORM){0, 1, 2, 3, 0, 1, 2, 3})
#endif
/* As the strip, at most 32 columns at a time: their sums fit into 16 bits (32 * 8 * 127 < 2^15), so
 * that one vpdpwssd multiplies by the gain and adds. Sums begin with what raised weights will add
 * too much, and stay in the order that mixing left them in. */
EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
  (void)groups;
#pragma GCC unroll 1
  for (int first = 0, end = 32; first < count; first = end, end += 32) {
    if (end > count) end = count;
    const int32_t met = *(const int32_t *)(x + 2 * end) - *(const int32_t *)(x + 2 * first);
#pragma GCC unroll 4
    for (int i = 0; i < EDGERNN_VNNI_SLICES_FORM; ++i) {
      edgernn_vnni_FORM sum[8 / BITS][4];
#pragma GCC unroll 4
      for (int p = 0, raise = 0; p < 8 / BITS; ++p) {
        raise += 1 << (BITS * (p + 1) - 1);
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) sum[p][j] = -(met * raise) - (edgernn_vnni_FORM){0};
      }
      for (int k = first; k < end; k += 4) {
        const edgernn_vnni_FORM four =
            *(const edgernn_vnni_word *)(x + 2 * k + 4) - (edgernn_vnni_FORM){0};
        edgernn_vnni_FORM column[4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
          uint32_t at = tiles ? tiles[k + j] : (uint32_t)(k + j);
          __asm__("" : "+r"(at)); /* or compilers load the four as a vector and take them out */
          column[j] = *(const edgernn_vnni_FORM *)(w + at * EDGERNN_VNNI_BYTES_FORM + 64 * i);
        }
        edgernn_mix_FORM(column);
#pragma GCC unroll 4
        for (int p = 0; p < 8 / BITS; ++p)
#pragma GCC unroll 4
          for (int j = 0; j < 4; ++j)
            EDGERNN_DOT(sum[p][j], column[j] & (int)EDGERNN_LOW_BITS(BITS * (p + 1)), four);
      }
#pragma GCC unroll 4
      for (int p = 8 / BITS - 1; p >= 0; --p) {
        const int at = p * EDGERNN_VNNI_BYTES_FORM + 64 * i;
        const edgernn_vnni_FORM every = *(const edgernn_vnni_FORM *)(gain + at);
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
          /* the gains of rows 16 l + 4 j and the three after it, in lane l */
          const edgernn_vnni_FORM which = EDGERNN_FIRST + (int)(0x80808000u + 4u * (uint32_t)j);
          edgernn_vnni_FORM by;
          if (p) sum[p][j] = (sum[p][j] - sum[p - (p > 0)][j]) >> (BITS * p);
          EDGERNN_MIX(by, "vpshufb", every, which);
          EDGERNN_DOT_WORDS(((edgernn_vnni_FORM *)(sums + at))[j], sum[p][j], by);
        }
      }
    }
  }
}

EDGERNN_INLINE void edgernn_rows_FORM(int32_t *restrict acc, const int32_t *restrict sums) {
#pragma GCC unroll 8
  for (int at = 0; at < ROWS; at += EDGERNN_VNNI_WIDE_FORM)
    edgernn_add_FORM(acc + at, (const edgernn_vnni_FORM *)(sums + at));
}
#undef EDGERNN_FIRST
#endif
#undef EDGERNN_MIX
#undef EDGERNN_LANES
