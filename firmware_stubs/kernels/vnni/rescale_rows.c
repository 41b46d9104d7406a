/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row; see edgernn_rescale. BYTES of rows at a
 * time: lanes 0, 2, ... and lanes 1, 3, ... are multiplied apart. */
#define EDGERNN_RESCALE(BYTES)                                                                  \
  do {                                                                                          \
    typedef int32_t lanes __attribute__((vector_size(BYTES), aligned(1), may_alias));           \
    typedef uint64_t pairs __attribute__((vector_size(BYTES), aligned(1), may_alias));          \
    typedef int16_t words __attribute__((vector_size(BYTES / 2), aligned(1), may_alias));       \
    const lanes sum = *(const lanes *)(acc + i) << lead, by = *(const lanes *)(mult + i);       \
    pairs even, odd;                                                                            \
    __asm__("vpmuldq %2, %1, %0" : "=v"(even) : "v"(sum), "v"(by));                             \
    __asm__("vpmuldq %2, %1, %0" : "=v"(odd) : "v"((pairs)sum >> 32), "v"((pairs)by >> 32));    \
    const lanes high = (lanes)(even >> 32 | (odd & 0xffffffff00000000u));                       \
    const lanes rounded = (high + (1 << (shift - 1))) >> shift;                                 \
    if (BYTES > 16) {                                                                           \
      words made;                                                                               \
      __asm__("vpmovsdw %1, %0" : "=v"(made) : "v"(rounded));                                   \
      *(words *)(y + i) = made;                                                                 \
    } else {                                                                                    \
      __asm__("vpmovsdw %1, %0" : "=m"(*(words *)(y + i)) : "v"(rounded));                      \
    }                                                                                           \
    i += BYTES / 4;                                                                             \
  } while (0)

EDGERNN_INLINE void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult,
                                         int lead, int shift, int16_t *restrict y, int n) {
  int i = 0;
  while (i + 16 <= n) EDGERNN_RESCALE(64);
  if (i + 8 <= n) EDGERNN_RESCALE(32);
  if (i + 4 <= n) EDGERNN_RESCALE(16);
  for (; i < n; ++i) y[i] = edgernn_rescale(acc[i], mult[i], lead, shift);
}
#undef EDGERNN_RESCALE
