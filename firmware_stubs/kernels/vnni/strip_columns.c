/* strip: types=s8,s4,s2 tiles=128x1 s8.tiles=64x1 delta=128x1 s8.delta=64x1 uses=vectors */
/* Listed columns, four at a time: their bytes are interleaved, so that vpdpbusd meets the four of a
 * row side by side. The weights are raised to be unsigned; parts of a byte as in strip_packed.c. */
enum { EDGERNN_VNNI_BYTES_FORM = ROWS * BITS / 8 };
typedef int32_t edgernn_vnni_FORM
    __attribute__((vector_size(EDGERNN_VNNI_BYTES_FORM), aligned(1), may_alias));
#define EDGERNN_MIX(TO, WORD, A, B) __asm__(WORD " %2, %1, %0" : "=v"(TO) : "v"(A), "v"(B))
#define EDGERNN_LANES(TO, WORD, A, B, WHICH) \
  __asm__(WORD " %3, %2, %1, %0" : "=v"(TO) : "v"(A), "v"(B), "i"(WHICH))

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
#if ROWS * BITS == 512
  edgernn_vnni_FORM u[4];
  EDGERNN_LANES(u[0], "vshufi32x4", s[0], s[1], 0x44);
  EDGERNN_LANES(u[1], "vshufi32x4", s[2], s[3], 0x44);
  EDGERNN_LANES(u[2], "vshufi32x4", s[0], s[1], 0xee);
  EDGERNN_LANES(u[3], "vshufi32x4", s[2], s[3], 0xee);
  EDGERNN_LANES(t[0], "vshufi32x4", u[0], u[1], 0x88);
  EDGERNN_LANES(t[1], "vshufi32x4", u[0], u[1], 0xdd);
  EDGERNN_LANES(t[2], "vshufi32x4", u[2], u[3], 0x88);
  EDGERNN_LANES(t[3], "vshufi32x4", u[2], u[3], 0xdd);
#else
  EDGERNN_LANES(t[0], "vshufi32x4", s[0], s[1], 0);
  EDGERNN_LANES(t[1], "vshufi32x4", s[2], s[3], 0);
  EDGERNN_LANES(t[2], "vshufi32x4", s[0], s[1], 3);
  EDGERNN_LANES(t[3], "vshufi32x4", s[2], s[3], 3);
#endif
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) to[i] += t[i];
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  const uint32_t half = BITS == 8 ? 0x80808080u : BITS == 4 ? 0x88888888u : 0xaaaaaaaau;
  edgernn_vnni_FORM sum[8 / BITS][4] = {{{0}}};
  const int32_t more = edgernn_vnni_total(x, count) * -(1 << (BITS - 1));
  (void)groups;
  for (int k = 0; k < count; k += 4) {
    edgernn_vnni_FORM column[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j)
      column[j] = *(const edgernn_vnni_FORM *)(w + (tiles ? tiles[k + j] : k + j) * EDGERNN_VNNI_BYTES_FORM);
    const edgernn_vnni_FORM all = *(const edgernn_vnni_word *)(x + k) - (edgernn_vnni_FORM){0};
    edgernn_mix_FORM(column);
#pragma GCC unroll 4
    for (int p = 0; p < 8 / BITS; ++p) {
      const uint32_t mask = 0x01010101u * ((2u << (BITS * (p + 1) - 1)) - 1);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j)
        EDGERNN_DOT(sum[p][j], (column[j] & (int)mask) ^ (int)(half & mask), all);
    }
  }
#pragma GCC unroll 4
  for (int p = 8 / BITS - 1; p >= 0; --p) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      if (p) sum[p][j] = (sum[p][j] - sum[p - (p > 0)][j]) >> (BITS * p);
      sum[p][j] += more;
    }
    edgernn_add_FORM(acc + p * EDGERNN_VNNI_BYTES_FORM, sum[p]);
  }
}
#undef EDGERNN_MIX
#undef EDGERNN_LANES
