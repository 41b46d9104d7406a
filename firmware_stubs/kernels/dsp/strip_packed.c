/* strip: types=s4,s2 tiles=4x4 dense=4x4 block=4x4 sparse=4x4:22 prepare=8 uses=words */
/* Four rows of 4-bit or 2-bit weights on SMLAD. A byte of a tile holds the weights of one column,
 * so a shift and a mask put those of two columns at the top of two halfwords, which is 4096 or
 * 16384 times their values; at most 480 columns at a time stay within 32 bits. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  int32_t *pair = (int32_t *)room;
  for (int k = 0; k < groups; ++k, pair += 2) {
    const uint32_t v = *(const edgernn_word *)(x + 4 * k);
    pair[0] = __builtin_arm_sxtb16((int32_t)v);
    pair[1] = __builtin_arm_sxtb16((int32_t)(v >> 8 | v << 24));
  }
}

/* row `at` of a tile, whose four columns have their `low`-th bits there, on to a sum */
EDGERNN_INLINE int32_t edgernn_row_FORM(uint32_t v, int low, int32_t even, int32_t odd,
                                        int32_t sum) {
  const uint32_t top = BITS == 4 ? 0xf000f000u : 0xc000c000u;
  sum = __builtin_arm_smlad((int32_t)(v << (16 - BITS - low) & top), even, sum);
  return __builtin_arm_smlad((int32_t)((low > 8 - BITS ? v >> (low + BITS - 8)
                                                       : v << (8 - BITS - low)) & top), odd, sum);
}

#if BITS == 4
#define EDGERNN_PACKED_TILE \
  "ldrd %[even], %[odd], [%[x]], #8\n ldrd %[u], %[v], [%[w]], #8\n" \
  "and %[t], %[top], %[u], lsl #12\n smlad %[a], %[t], %[even], %[a]\n" \
  "and %[t], %[top], %[u], lsl #4\n smlad %[a], %[t], %[odd], %[a]\n" \
  "and %[t], %[top], %[u], lsl #8\n smlad %[c], %[t], %[even], %[c]\n" \
  "and %[u], %[top], %[u]\n smlad %[c], %[u], %[odd], %[c]\n" \
  "and %[t], %[top], %[v], lsl #12\n smlad %[b], %[t], %[even], %[b]\n" \
  "and %[t], %[top], %[v], lsl #4\n smlad %[b], %[t], %[odd], %[b]\n" \
  "and %[t], %[top], %[v], lsl #8\n smlad %[d], %[t], %[even], %[d]\n" \
  "and %[v], %[top], %[v]\n smlad %[d], %[v], %[odd], %[d]\n"
#else
#define EDGERNN_PACKED_TILE \
  "ldrd %[even], %[odd], [%[x]], #8\n ldr %[v], [%[w]], #4\n" \
  "and %[t], %[top], %[v], lsl #14\n smlad %[a], %[t], %[even], %[a]\n" \
  "and %[t], %[top], %[v], lsl #6\n smlad %[a], %[t], %[odd], %[a]\n" \
  "and %[t], %[top], %[v], lsl #12\n smlad %[b], %[t], %[even], %[b]\n" \
  "and %[t], %[top], %[v], lsl #4\n smlad %[b], %[t], %[odd], %[b]\n" \
  "and %[t], %[top], %[v], lsl #10\n smlad %[c], %[t], %[even], %[c]\n" \
  "and %[t], %[top], %[v], lsl #2\n smlad %[c], %[t], %[odd], %[c]\n" \
  "and %[t], %[top], %[v], lsl #8\n smlad %[d], %[t], %[even], %[d]\n" \
  "and %[v], %[top], %[v]\n smlad %[d], %[v], %[odd], %[d]\n"
#endif

/* rows[4] += the next 2 * `pairs` tiles, in all registers that there are */
EDGERNN_INLINE void edgernn_next_FORM(const int8_t *w, const int8_t *x, int pairs, int32_t *rows) {
  int32_t a = rows[0], b = rows[1], c = rows[2], d = rows[3];
  uint32_t even, odd, u, v, t;
  __asm__("1:" EDGERNN_PACKED_TILE EDGERNN_PACKED_TILE "subs %[k], #1\n bne 1b\n"
          : [w] "+r"(w), [x] "+r"(x), [k] "+l"(pairs), [a] "+r"(a), [b] "+r"(b), [c] "+r"(c),
            [d] "+r"(d), [even] "=&r"(even), [odd] "=&r"(odd), [u] "=&r"(u), [v] "=&r"(v),
            [t] "=&r"(t)
          : [top] "r"(BITS == 4 ? 0xf000f000u : 0xc000c000u)
          : "cc", "memory");
  rows[0] = a;
  rows[1] = b;
  rows[2] = c;
  rows[3] = d;
}
#undef EDGERNN_PACKED_TILE

/* rows[4] = tiles first to end, at most 120 of them: 4096 or 16384 times too large. */
EDGERNN_INLINE void edgernn_rows4_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int first, int end, int32_t *rows) {
  const int by_groups = EDGERNN_LISTED(groups), by_tiles = EDGERNN_LISTED(tiles);
  for (int i = 0; i < 4; ++i) rows[i] = 0;
  if (!by_groups && !by_tiles && end - first > 1) {
    edgernn_next_FORM(w + first * (2 * BITS), x + 8 * first, (end - first) >> 1, rows);
    first += (end - first) & ~1;
  }
  int32_t a = rows[0], b = rows[1], c = rows[2], d = rows[3];
  const int8_t *v = w + first * (2 * BITS), *pair = x + first * 8;
  const uint16_t *list = by_tiles ? tiles + first : by_groups ? groups + first : 0;
#pragma GCC unroll 1
  for (int left = end - first; left > 0; --left) {
    if (by_tiles) v = w + *list++ * (2 * BITS);
    if (by_groups) pair = x + *list++ * 8;
    const int32_t even = ((const int32_t *)pair)[0], odd = ((const int32_t *)pair)[1];
    uint32_t four = *(const edgernn_word *)v;
    a = edgernn_row_FORM(four, 0, even, odd, a);
    c = edgernn_row_FORM(four, 4, even, odd, c);
    if (BITS == 4) four = *(const edgernn_word *)(v + 4);
    b = edgernn_row_FORM(four, BITS == 4 ? 0 : 2, even, odd, b);
    d = edgernn_row_FORM(four, BITS == 4 ? 4 : 6, even, odd, d);
    if (!by_tiles) v += 2 * BITS;
    if (!by_groups) pair += 8;
  }
  rows[0] = a;
  rows[1] = b;
  rows[2] = c;
  rows[3] = d;
}

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  for (int first = 0; first < count; first += 120) {
    int32_t rows[4];
    const int end = count - first < 120 ? count : first + 120;
    edgernn_rows4_FORM(w, x, tiles, groups, first, end, rows);
    for (int i = 0; i < 4; ++i) acc[i] += rows[i] >> (16 - BITS);
  }
}

EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
  int32_t rows[4];
  edgernn_rows4_FORM(w, x, tiles, groups, 0, count, rows);
  edgernn_four_gains(sums, rows, gain, BITS);
}
