/* v / 2^k rounded half up, clamped to 32 bits. For the few scales under which a 16-bit operation
 * outgrows 32 bits on its way; |v| stays below 2^62. */
EDGERNN_INLINE int32_t edgernn_shr_wide(int64_t v, int k) {
  if (k > 62) return 0;
  if (k > 0) v = (v + ((int64_t)1 << (k - 1))) >> k;
  return (int32_t)(v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : v);
}
