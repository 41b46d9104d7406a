/* vpdpbusd on vectors of 64, 32 and 16 bytes: four unsigned bytes times four signed ones onto each
 * 32-bit lane. */
typedef int32_t edgernn_word __attribute__((aligned(1), may_alias));

typedef int32_t edgernn_s32_64 __attribute__((vector_size(64), aligned(1), may_alias));
typedef uint16_t edgernn_u16_64 __attribute__((vector_size(64), aligned(1), may_alias));

EDGERNN_INLINE edgernn_s32_64 edgernn_dot_64(edgernn_s32_64 acc, edgernn_s32_64 u, edgernn_s32_64 s) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(u), "v"(s));
  return acc;
}

/* element p of those that share a byte, as the top bits of the byte */
EDGERNN_INLINE edgernn_s32_64 edgernn_top_64(edgernn_s32_64 raw, int bits, int p) {
  if (bits == 8) return raw;
  const int mask = bits == 4 ? (int)0xf0f0f0f0u : (int)0xc0c0c0c0u;
  return (edgernn_s32_64)((edgernn_u16_64)raw << (8 - bits - p * bits)) & mask;
}

/* element p of those that share a byte, plus half its range: unsigned */
EDGERNN_INLINE edgernn_s32_64 edgernn_raised_64(edgernn_s32_64 raw, int bits, int p) {
  const int half = bits == 8 ? (int)0x80808080u : bits == 4 ? (int)0x88888888u : (int)0xaaaaaaaau;
  const int mask = bits == 8 ? -1 : bits == 4 ? 0x0f0f0f0f : 0x03030303;
  return (edgernn_s32_64)((edgernn_u16_64)(raw ^ half) >> (p * bits)) & mask;
}

typedef int32_t edgernn_s32_32 __attribute__((vector_size(32), aligned(1), may_alias));
typedef uint16_t edgernn_u16_32 __attribute__((vector_size(32), aligned(1), may_alias));

EDGERNN_INLINE edgernn_s32_32 edgernn_dot_32(edgernn_s32_32 acc, edgernn_s32_32 u, edgernn_s32_32 s) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(u), "v"(s));
  return acc;
}

/* element p of those that share a byte, as the top bits of the byte */
EDGERNN_INLINE edgernn_s32_32 edgernn_top_32(edgernn_s32_32 raw, int bits, int p) {
  if (bits == 8) return raw;
  const int mask = bits == 4 ? (int)0xf0f0f0f0u : (int)0xc0c0c0c0u;
  return (edgernn_s32_32)((edgernn_u16_32)raw << (8 - bits - p * bits)) & mask;
}

/* element p of those that share a byte, plus half its range: unsigned */
EDGERNN_INLINE edgernn_s32_32 edgernn_raised_32(edgernn_s32_32 raw, int bits, int p) {
  const int half = bits == 8 ? (int)0x80808080u : bits == 4 ? (int)0x88888888u : (int)0xaaaaaaaau;
  const int mask = bits == 8 ? -1 : bits == 4 ? 0x0f0f0f0f : 0x03030303;
  return (edgernn_s32_32)((edgernn_u16_32)(raw ^ half) >> (p * bits)) & mask;
}

typedef int32_t edgernn_s32_16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint16_t edgernn_u16_16 __attribute__((vector_size(16), aligned(1), may_alias));

EDGERNN_INLINE edgernn_s32_16 edgernn_dot_16(edgernn_s32_16 acc, edgernn_s32_16 u, edgernn_s32_16 s) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(u), "v"(s));
  return acc;
}

/* element p of those that share a byte, as the top bits of the byte */
EDGERNN_INLINE edgernn_s32_16 edgernn_top_16(edgernn_s32_16 raw, int bits, int p) {
  if (bits == 8) return raw;
  const int mask = bits == 4 ? (int)0xf0f0f0f0u : (int)0xc0c0c0c0u;
  return (edgernn_s32_16)((edgernn_u16_16)raw << (8 - bits - p * bits)) & mask;
}

/* element p of those that share a byte, plus half its range: unsigned */
EDGERNN_INLINE edgernn_s32_16 edgernn_raised_16(edgernn_s32_16 raw, int bits, int p) {
  const int half = bits == 8 ? (int)0x80808080u : bits == 4 ? (int)0x88888888u : (int)0xaaaaaaaau;
  const int mask = bits == 8 ? -1 : bits == 4 ? 0x0f0f0f0f : 0x03030303;
  return (edgernn_s32_16)((edgernn_u16_16)(raw ^ half) >> (p * bits)) & mask;
}
