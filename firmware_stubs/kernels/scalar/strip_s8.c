/* strip: types=s8 tiles=8x1 dense=8x1 sparse=8x1:14 */
/* Eight rows share each load of x. On ARMv7-M every register holds something, and the last load of
 * a column moves on to the next one. */
#if defined(__thumb2__)
#define EDGERNN_PRODUCT(AT, SUM) \
  "ldrsb %[v], [%[w], #" AT "]\n mla %[" SUM "], %[v], %[u], %[" SUM "]\n"
#define EDGERNN_COLUMN(LOAD) \
  LOAD EDGERNN_PRODUCT("1", "b") EDGERNN_PRODUCT("2", "c") EDGERNN_PRODUCT("3", "d") \
  EDGERNN_PRODUCT("4", "e") EDGERNN_PRODUCT("5", "f") EDGERNN_PRODUCT("6", "g") \
  EDGERNN_PRODUCT("7", "h") "ldrsb %[v], [%[w]], #8\n mla %[a], %[v], %[u], %[a]\n"
#define EDGERNN_NEXT "ldrsb %[u], [%[x]], #1\n"
#define EDGERNN_SUMS \
  [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [e] "+r"(e), [f] "+r"(f), [g] "+r"(g), \
  [h] "+r"(h), [w] "+r"(w), [v] "=&r"(v), [u] "=&r"(u)

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  int32_t a = acc[0], b = acc[1], c = acc[2], d = acc[3], u, v;
  int32_t e = acc[4], f = acc[5], g = acc[6], h = acc[7];
  (void)tiles;
  if (EDGERNN_LISTED(groups)) {
    for (int k = 0; k < count; ++k)
      __asm__ volatile(EDGERNN_COLUMN("ldrsb %[u], [%[x], %[at]]\n")
                       : EDGERNN_SUMS
                       : [x] "r"(x), [at] "r"(groups[k])
                       : "memory");
  } else {
    const int8_t *const end = x + count;
    if (count & 1)
      __asm__ volatile(EDGERNN_COLUMN(EDGERNN_NEXT) : EDGERNN_SUMS, [x] "+r"(x) : : "memory");
    if (x != end)
      __asm__ volatile("1:\n" EDGERNN_COLUMN(EDGERNN_NEXT) EDGERNN_COLUMN(EDGERNN_NEXT)
                       "cmp %[x], %[end]\n bne 1b"
                       : EDGERNN_SUMS, [x] "+r"(x)
                       : [end] "r"(end)
                       : "cc", "memory");
  }
  acc[0] = a;
  acc[1] = b;
  acc[2] = c;
  acc[3] = d;
  acc[4] = e;
  acc[5] = f;
  acc[6] = g;
  acc[7] = h;
}
#undef EDGERNN_PRODUCT
#undef EDGERNN_COLUMN
#undef EDGERNN_NEXT
#undef EDGERNN_SUMS
#else
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  (void)tiles;
  for (int k = 0; k < count; ++k, w += 8)
    for (int r = 0; r < 8; ++r) acc[r] += w[r] * (int32_t)x[groups ? groups[k] : k];
}
#endif
