/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row; see edgernn_rescale. Lanes 0, 2, ...
 * and lanes 1, 3, ... are multiplied apart. */
EDGERNN_INLINE void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult,
                                         int lead, int shift, int16_t *restrict y, int n) {
  typedef int32_t lanes __attribute__((vector_size(32), aligned(1), may_alias));
  typedef uint64_t pairs __attribute__((vector_size(32), aligned(1), may_alias));
  typedef int16_t words __attribute__((vector_size(16), aligned(1), may_alias));
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    const lanes sum = *(const lanes *)(acc + i) << lead, by = *(const lanes *)(mult + i);
    pairs even, odd;
    words made;
    __asm__("vpmuldq %2, %1, %0" : "=x"(even) : "x"(sum), "x"(by));
    __asm__("vpmuldq %2, %1, %0" : "=x"(odd) : "x"((pairs)sum >> 32), "x"((pairs)by >> 32));
    const lanes high = (lanes)(even >> 32 | (odd & 0xffffffff00000000u));
    const lanes rounded = (high + (1 << (shift - 1))) >> shift;
    __asm__("vextracti128 $1, %1, %x0\n\tvpackssdw %x0, %x1, %x0" : "=&x"(made) : "x"(rounded));
    *(words *)(y + i) = made;
  }
  for (; i < n; ++i) y[i] = edgernn_rescale(acc[i], mult[i], lead, shift);
}
