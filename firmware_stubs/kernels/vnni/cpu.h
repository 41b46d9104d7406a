/* target: avx512f,avx512bw,avx512dq,avx512vl,avx512vnni */
/* Whether this CPU has AVX-512 with VNNI, and the system saves its registers. */
EDGERNN_INLINE void edgernn_cpuid(uint32_t leaf, uint32_t *b, uint32_t *c) {
  uint32_t a = leaf, d;
  __asm__("cpuid" : "+a"(a), "=b"(*b), "=c"(*c), "=d"(d) : "2"(0));
}

static int edgernn_has_vnni(void) {
  const uint32_t osxsave = 1u << 27, wanted = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
  uint32_t b, c, low, high;
  edgernn_cpuid(1, &b, &c);
  if (!(c & osxsave)) return 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 0xe6) != 0xe6) return 0;
  edgernn_cpuid(7, &b, &c);
  return (b & wanted) == wanted && (c & 1u << 11) != 0;
}
