/* Float to the nearest whole number, half to even, and to the whole number below. From 2^23 on every
 * float32 is whole; below, adding 2^23 leaves no fraction bits, and IEEE rounds half to even. */
EDGERNN_INLINE float edgernn_rint_f32(float x) {
  const float size = x < 0.0f ? -x : x;
  if (!(size < 8388608.0f)) return x;
  const float whole = (size + 8388608.0f) - 8388608.0f;
  return x < 0.0f ? -whole : whole;
}

EDGERNN_INLINE float edgernn_floor_f32(float x) {
  const float size = x < 0.0f ? -x : x;
  if (!(size < 8388608.0f)) return x;
  const float whole = (float)(int32_t)x;
  return whole > x ? whole - 1.0f : whole;
}
