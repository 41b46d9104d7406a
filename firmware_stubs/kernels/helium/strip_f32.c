/* strip: types=f32 tiles=16x1 dense=16x1 delta=16x1 sparse=16x1:19 */
/* Sixteen rows of floats in lanes. A product is rounded before it is added, as it is on a core
 * without fused multiplication. */
EDGERNN_INLINE void edgernn_strip_FORM(const float *w, const float *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, float *acc) {
  const int by_groups = EDGERNN_LISTED(groups), by_tiles = EDGERNN_LISTED(tiles);
#define EDGERNN_NEXT \
  "vldrw.u32 q0, [%[w]], #16\n vldrw.u32 q1, [%[w]], #16\n vldrw.u32 q2, [%[w]], #16\n" \
  "vldrw.u32 q3, [%[w]], #16\n"
#define EDGERNN_LISTED_TILE \
  "add %[v], %[w], %[v], lsl #6\n vldrw.u32 q0, [%[v]]\n vldrw.u32 q1, [%[v], #16]\n" \
  "vldrw.u32 q2, [%[v], #32]\n vldrw.u32 q3, [%[v], #48]\n"
#define EDGERNN_COLUMN \
  "vmul.f32 q0, q0, %[u]\n vmul.f32 q1, q1, %[u]\n" \
  "vmul.f32 q2, q2, %[u]\n vmul.f32 q3, q3, %[u]\n vadd.f32 q4, q4, q0\n" \
  "vadd.f32 q5, q5, q1\n vadd.f32 q6, q6, q2\n vadd.f32 q7, q7, q3\n le lr, 1b\n2:\n"
#define EDGERNN_BEGIN \
  "vldrw.u32 q4, [%[acc]]\n vldrw.u32 q5, [%[acc], #16]\n vldrw.u32 q6, [%[acc], #32]\n" \
  "vldrw.u32 q7, [%[acc], #48]\n wls lr, %[k], 2f\n"
#define EDGERNN_END \
  "vstrw.32 q4, [%[acc]]\n vstrw.32 q5, [%[acc], #16]\n vstrw.32 q6, [%[acc], #32]\n" \
  "vstrw.32 q7, [%[acc], #48]\n"
#define EDGERNN_LOST "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "memory"
  uint32_t u, v;
  if (by_tiles)
    __asm__ volatile(EDGERNN_BEGIN "1: ldrh %[v], [%[tiles]], #2\n ldr %[u], [%[x]], #4\n"
                     EDGERNN_LISTED_TILE EDGERNN_COLUMN EDGERNN_END
                     : [x] "+r"(x), [tiles] "+r"(tiles), [u] "=&r"(u), [v] "=&r"(v)
                     : [w] "r"(w), [k] "r"(count), [acc] "r"(acc)
                     : EDGERNN_LOST);
  else if (by_groups)
    __asm__ volatile(EDGERNN_BEGIN "1: ldrh %[u], [%[groups]], #2\n ldr %[u], [%[x], %[u], lsl #2]\n"
                     EDGERNN_NEXT EDGERNN_COLUMN EDGERNN_END
                     : [w] "+r"(w), [groups] "+r"(groups), [u] "=&r"(u)
                     : [x] "r"(x), [k] "r"(count), [acc] "r"(acc)
                     : EDGERNN_LOST);
  else
    __asm__ volatile(EDGERNN_BEGIN "1: ldr %[u], [%[x]], #4\n" EDGERNN_NEXT EDGERNN_COLUMN EDGERNN_END
                     : [w] "+r"(w), [x] "+r"(x), [u] "=&r"(u)
                     : [k] "r"(count), [acc] "r"(acc)
                     : EDGERNN_LOST);
}
#undef EDGERNN_NEXT
#undef EDGERNN_LISTED_TILE
#undef EDGERNN_COLUMN
#undef EDGERNN_BEGIN
#undef EDGERNN_END
#undef EDGERNN_LOST
