/* edgernn_sigmoid_q of q[n] in place. Both ends of a linear piece come in one load, eight loads to
 * a vector: gathers are no faster, and on many CPUs far slower. Rounding by VPMULHRSW is that of
 * edgernn_sigmoid_q. */
EDGERNN_INLINE uint32_t edgernn_sigmoid_ends(int8_t piece) {
  uint32_t ends;
  __builtin_memcpy(&ends, edgernn_sigmoid_table + 128 + piece, 4);
  return ends;
}

static void edgernn_sigmoid_rows(int16_t *restrict q, int n) {
  typedef uint32_t pairs __attribute__((vector_size(32)));
  typedef int16_t words __attribute__((vector_size(32), aligned(1), may_alias));
  int i = 0;
  for (; i + 16 <= n; i += 16) {
    const int8_t *const at = (const int8_t *)(q + i) + 1; /* upper bytes number the pieces */
    const pairs even = {edgernn_sigmoid_ends(at[0]),  edgernn_sigmoid_ends(at[4]),
                        edgernn_sigmoid_ends(at[8]),  edgernn_sigmoid_ends(at[12]),
                        edgernn_sigmoid_ends(at[16]), edgernn_sigmoid_ends(at[20]),
                        edgernn_sigmoid_ends(at[24]), edgernn_sigmoid_ends(at[28])};
    const pairs odd = {edgernn_sigmoid_ends(at[2]),  edgernn_sigmoid_ends(at[6]),
                       edgernn_sigmoid_ends(at[10]), edgernn_sigmoid_ends(at[14]),
                       edgernn_sigmoid_ends(at[18]), edgernn_sigmoid_ends(at[22]),
                       edgernn_sigmoid_ends(at[26]), edgernn_sigmoid_ends(at[30])};
    const words low = (words)((even & 0xffff) | odd << 16);
    const words high = (words)(even >> 16 | (odd & 0xffff0000));
    const words part = (*(const words *)(q + i) << 7) & 0x7f80;
    words rise;
    __asm__("vpmulhrsw %2, %1, %0" : "=x"(rise) : "x"(high - low), "x"(part));
    *(words *)(q + i) = low + rise;
  }
  for (; i < n; ++i) q[i] = (int16_t)edgernn_sigmoid_q(q[i]);
}
