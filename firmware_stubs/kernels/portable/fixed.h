/* 16-bit fixed point: rounding shifts, saturation, sigmoid and tanh by table. Bits are defined by
 * edgernn/graph/fixed_point.py. Right shifts of negative numbers are arithmetic on every compiler
 * that we build with; the typedef below refuses any other. */
typedef char edgernn_shifts_are_arithmetic[(-2 >> 1) == -1 ? 1 : -1];

EDGERNN_INLINE int32_t edgernn_shr(int32_t v, int k) { return (v + (1 << (k - 1))) >> k; }

EDGERNN_INLINE int32_t edgernn_sat16(int32_t v) {
#if defined(__ARM_FEATURE_SAT) && !defined(__ARM_FEATURE_MVE)
  return __builtin_arm_ssat(v, 16); /* compilers do not always see it */
#elif defined(__thumb__) && !defined(__thumb2__)
  int32_t cut;
  __asm__("sxth %1, %0\n cmp %1, %0\n beq 1f\n asrs %0, %0, #31\n movs %1, #1\n"
          "lsls %1, %1, #15\n subs %1, #1\n eors %0, %1\n1:"
          : "+l"(v), "=&l"(cut)
          :
          : "cc");
  return v;
#else
  return v > 32767 ? 32767 : v < -32768 ? -32768 : v;
#endif
}

/* -128 is left out, so that two values differ by twice 127 at most */
EDGERNN_INLINE int32_t edgernn_sat8(int32_t v) {
#if defined(__ARM_FEATURE_SAT) && !defined(__ARM_FEATURE_MVE)
#if defined(__ARM_FEATURE_DSP)
  return (int8_t)(__builtin_arm_qsub8(__builtin_arm_ssat(v, 8), 1) + 1);
#else
  v = __builtin_arm_ssat(v, 8);
  return v < -127 ? -127 : v;
#endif
#else
  return v > 127 ? 127 : v < -127 ? -127 : v;
#endif
}

/* int32 accumulator to 16 bits: the high word of (acc << lead) * mult, shifted right by `shift` */
EDGERNN_INLINE int16_t edgernn_rescale(int32_t acc, int32_t mult, int lead, int shift) {
  const int32_t wide = (int32_t)((uint32_t)acc << lead);
  return (int16_t)edgernn_sat16(edgernn_shr((int32_t)(((int64_t)wide * mult) >> 32), shift));
}

/* float to integer: half away from zero; NaN gives the lower bound. Without a float unit the bits
 * are taken apart: of |v| in [1/4, 1/2) the largest is the only one that half a unit, rounded as
 * floats are, carries to 1. */
EDGERNN_INLINE int32_t edgernn_round(float v) {
#if defined(__arm__) && !defined(__ARM_FP)
  union {
    float real;
    uint32_t bits;
  } in = {v};
  const uint32_t magnitude = in.bits & 0x7fffffffu, power = magnitude >> 23;
  int32_t whole = 65536;
  if (magnitude > 0x7f800000u) return -whole;
  if (power < 125u) return 0;
  if (power < 143u) {
    const uint32_t part = (magnitude & 0x7fffffu) | 0x800000u, down = 150u - power;
    whole = (int32_t)((part + (1u << (down - 1u)) + (power == 125u)) >> down);
  }
  return in.bits >> 31 ? -whole : whole;
#else
  if (!(v > -65536.0f)) v = -65536.0f;
  if (v > 65536.0f) v = 65536.0f;
  return (int32_t)(v + (v >= 0.0f ? 0.5f : -0.5f));
#endif
}

/* integer to float. Clang (21 at least) may compile a vector of integers times a power of two to
 * Helium's VCVT with the number of a register in place of the power, so it must not see one. */
EDGERNN_INLINE float edgernn_real(int32_t v) {
#if defined(__clang__) && defined(__ARM_FEATURE_MVE)
  __asm__("" : "+r"(v));
#endif
  return (float)v;
}
