/* strip: types=s8 tiles=4x4 dense=4x4 block=4x4 sparse=4x4:18 prepare=8 pairs uses=words,tiles,passes */
/* int8 weights on SMLAD, four rows a pass, three data instructions for four products.
 *
 * Two weights lie in a halfword as 256 b + a, so a word holds a row's four weights (a, b, c, d) as
 * two signed halfwords that can be multiplied as they are, and SXTB16 gives (a, c). Then
 *
 *   256 (a x0 + b x1 + c x2 + d x3) = word . (x1, x3) + (a, c) . (256 x0 - x1, 256 x2 - x3)
 *
 * where the two pairs of x are made once for a whole matrix. 256 x0 - x1 needs x >= -127. Matrices
 * of at most 512 columns have drivers of their own; see dense_int.c. */
EDGERNN_INLINE void edgernn_prepare_FORM(const int8_t *x, int groups, int8_t *room) {
  int32_t *pair = (int32_t *)room;
  for (int k = 0; k < groups; ++k, pair += 2) {
    const uint32_t v = *(const edgernn_word *)(x + 4 * k);
    const int32_t odd = __builtin_arm_sxtb16((int32_t)(v >> 8 | v << 24));
    pair[0] = odd;
    pair[1] = __builtin_arm_ssub16((int32_t)(v << 8 & 0xff00ff00u), odd);
  }
}

#define EDGERNN_SUMMED [k] "+r"(k), "+r"(a), "+r"(b), "+r"(c), "+r"(d)
#define EDGERNN_USED "r3", "r4", "r5", "r6", "r8", "r9", "cc", "memory"

EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  while (count > 0) {
    register int32_t a __asm__("r0") = 0;
    register int32_t b __asm__("r1") = 0;
    register int32_t c __asm__("r2") = 0;
    register int32_t d __asm__("r12") = 0;
    int k = count < 128 ? count : 128;
    count -= k;
    if (EDGERNN_LISTED(groups))
      __asm__ volatile(EDGERNN_TILES(EDGERNN_SPARSE_TILE("%[w]", "%[x]", "%[list]"), "%[k]")
                       : [w] "+r"(w), [list] "+r"(groups), EDGERNN_SUMMED
                       : [x] "r"(x)
                       : EDGERNN_USED);
    else if (EDGERNN_LISTED(tiles))
      __asm__ volatile(EDGERNN_TILES(EDGERNN_DELTA_TILE("%[w]", "%[x]", "%[list]"), "%[k]")
                       : [x] "+r"(x), [list] "+r"(tiles), EDGERNN_SUMMED
                       : [w] "r"(w)
                       : EDGERNN_USED);
    else
      __asm__ volatile(EDGERNN_TILES(EDGERNN_DENSE_TILE("%[w]", "%[x]"), "%[k]")
                       : [w] "+r"(w), [x] "+r"(x), EDGERNN_SUMMED
                       :
                       : EDGERNN_USED);
    acc[0] += a >> 8;
    acc[1] += b >> 8;
    acc[2] += c >> 8;
    acc[3] += d >> 8;
  }
}
#undef EDGERNN_SUMMED
#undef EDGERNN_USED
