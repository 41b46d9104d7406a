/* target: relaxed-simd */
#include <wasm_simd128.h>
/* What WebAssembly's relaxed dot product makes of a second factor above 127 is the engine's choice:
 * x86 with VNNI takes it unsigned, ARM signed; elsewhere pairs of products saturate, and simd128's
 * strips are faster. An engine may compile a function twice, by compilers that choose otherwise, so
 * a strip asks in its own code; that numbers are volatile keeps every compiler from answering. */
typedef int8_t edgernn_dot_bytes __attribute__((vector_size(16)));
static const volatile edgernn_dot_bytes
    edgernn_dot_first = {127, 127, 127, 127, -128, -128, -128, -128,
                         -128, 127, -128, 1, 127, 127, -1, -128},
    edgernn_dot_second = {-1, -1, -1, -1, -1, -1, -1, -1,
                          -128, -1, -128, -2, -128, -128, -128, 127};

EDGERNN_INLINE int edgernn_dot_is(v128_t sums) {
  const v128_t w = (v128_t)edgernn_dot_first, x = (v128_t)edgernn_dot_second;
  const v128_t got = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(w, x, wasm_i32x4_const_splat(0));
  return wasm_i32x4_all_true(wasm_i32x4_eq(got, sums));
}

EDGERNN_INLINE int edgernn_dot_is_unsigned(void) {
  return edgernn_dot_is(wasm_i32x4_const(4 * 127 * 255, -4 * 128 * 255, -129, 16128));
}

static int edgernn_has_relaxed128(void) {
  const v128_t as_signed = wasm_i32x4_const(-4 * 127, 4 * 128, 32639, -48640);
  return edgernn_dot_is_unsigned() || edgernn_dot_is(as_signed);
}
