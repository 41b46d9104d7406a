/* strip: types=s4,s2 tiles=4x1 delta=4x1 prepare=2 uses=words */
/* Single columns of four rows of 4-bit or 2-bit weights on SMLAD, two columns at once: side by side
 * in a word, shifts and a mask put the weights of a row at the top of both halfwords, 4096 or 16384
 * times their values; at most 512 columns at a time stay within 32 bits. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  int16_t *wide = (int16_t *)room;
  for (int k = 0; k < groups; ++k) wide[k] = x[k];
}

#if BITS == 4 /* rows 0, 2, 1, 3 from the lowest bits on */
#define EDGERNN_COLUMN(TO) "ldrh " TO ", [%[w], " TO ", lsl #1]\n"
#define EDGERNN_ROWS \
  "and %[v], %[top], %[u], lsl #12\n smlad %[a], %[v], %[two], %[a]\n" \
  "and %[v], %[top], %[u], lsl #8\n smlad %[c], %[v], %[two], %[c]\n" \
  "and %[v], %[top], %[u], lsl #4\n smlad %[b], %[v], %[two], %[b]\n" \
  "and %[v], %[top], %[u]\n smlad %[d], %[v], %[two], %[d]\n"
#else /* a byte in order */
#define EDGERNN_COLUMN(TO) "ldrb " TO ", [%[w], " TO "]\n"
#define EDGERNN_ROWS \
  "and %[v], %[top], %[u], lsl #14\n smlad %[a], %[v], %[two], %[a]\n" \
  "and %[v], %[top], %[u], lsl #12\n smlad %[b], %[v], %[two], %[b]\n" \
  "and %[v], %[top], %[u], lsl #10\n smlad %[c], %[v], %[two], %[c]\n" \
  "and %[v], %[top], %[u], lsl #8\n smlad %[d], %[v], %[two], %[d]\n"
#endif
#define EDGERNN_PAIR \
  "ldrh %[u], [%[tiles]], #2\n ldrh %[v], [%[tiles]], #2\n" \
  EDGERNN_COLUMN("%[u]") EDGERNN_COLUMN("%[v]") \
  "ldr %[two], [%[x]], #4\n orr %[u], %[u], %[v], lsl #16\n" EDGERNN_ROWS

/* rows[4] = so many columns, times 4096 or 16384 */
EDGERNN_INLINE void edgernn_rows4_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       int count, int32_t *rows) {
  int32_t a = 0, b = 0, c = 0, d = 0;
  uint32_t u, v, two;
  __asm__("1:" EDGERNN_PAIR EDGERNN_PAIR "subs %[k], #4\n bgt 1b\n"
          : [tiles] "+r"(tiles), [x] "+r"(x), [k] "+l"(count), [a] "+r"(a), [b] "+r"(b),
            [c] "+r"(c), [d] "+r"(d), [u] "=&r"(u), [v] "=&r"(v), [two] "=&r"(two)
          : [w] "r"(w), [top] "r"(BITS == 4 ? 0xf000f000u : 0xc000c000u)
          : "cc", "memory");
  rows[0] = a;
  rows[1] = b;
  rows[2] = c;
  rows[3] = d;
}
#undef EDGERNN_COLUMN
#undef EDGERNN_ROWS
#undef EDGERNN_PAIR

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  (void)groups;
  for (; count > 0; count -= 512, tiles += 512, x += 1024) {
    int32_t rows[4];
    edgernn_rows4_FORM(w, x, tiles, count < 512 ? count : 512, rows);
    for (int i = 0; i < 4; ++i) acc[i] += rows[i] >> (16 - BITS);
  }
}

EDGERNN_INLINE void edgernn_gains_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, const uint8_t *gain,
                                       int32_t *sums) {
  int32_t rows[4];
  (void)groups;
  edgernn_rows4_FORM(w, x, tiles, count, rows);
  edgernn_four_gains(sums, rows, gain, BITS);
}
