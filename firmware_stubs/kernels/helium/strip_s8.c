/* strip: types=s8 tiles=4x16 dense=4x16 uses=passes */
/* Four rows of int8 weights, sixteen columns at once. */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  register const int8_t *v __asm__("r9") = w;
  (void)tiles;
  (void)groups;
  __asm__ volatile("ldrd r0, r2, [%[acc]]\n ldrd r4, r6, [%[acc], #8]\n wls lr, %[k], 2f\n"
                   EDGERNN_FOUR_ROWS("vldrb.u8 q0, [%[x]], #16\n")
                   "strd r0, r2, [%[acc]]\n strd r4, r6, [%[acc], #8]\n"
                   : "+r"(v), [x] "+r"(x)
                   : [k] "r"(count), [acc] "r"(acc)
                   : "r0", "r2", "r4", "r6", "lr", "q0", "q1", "q2", "cc", "memory");
}
