/* What the searches of the loops share. The twin of edgernn/single.py: the order of every sum and
 * choice is the same there. Needs prelude.h and math_f32.h. */
#ifndef EDGERNN_LOOP_SEARCH_H
#define EDGERNN_LOOP_SEARCH_H

#include "loop.h"
#include "prelude.h"
#include "math_f32.h"

#define LANES 16u

EDGERNN_INLINE void copy_floats(float *to, const float *from, uint32_t count) {
  while (count--) *to++ = *from++;
}

EDGERNN_INLINE void copy_bytes(void *to, const void *from, uint32_t bytes) {
  unsigned char *d = to;
  const unsigned char *s = from;
  while (bytes--) *d++ = *s++;
}

EDGERNN_INLINE uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

EDGERNN_INLINE uint32_t floats(uint32_t count) { return EDGERNN_ROOM(count * sizeof(float)); }

/* The next so many bytes of the memory. */
EDGERNN_INLINE void *take(unsigned char **memory, uint32_t bytes) {
  void *const taken = *memory;
  *memory += EDGERNN_ROOM(bytes);
  return taken;
}

EDGERNN_INLINE float add_logs(float a, float b) {
  const float low = a < b ? a : b, high = a < b ? b : a;
  return high + edgernn_log_f32(1.0f + edgernn_exp_f32(low - high));
}

EDGERNN_INLINE float log_sigmoid(float x) {
  const float sum = 1.0f + edgernn_exp_f32(x < 0.0f ? x : -x);
  return (x > 0.0f ? 0.0f : x) - edgernn_log_f32(sum);
}

/* edgernn_exp_f32 of what is at most 0, to the bit, without a branch. */
EDGERNN_INLINE float exp_below(float x) {
  const float least = -87.33654f, a = x > least ? x : least;
  const int32_t n = (int32_t)(a * 1.44269504f - 0.5f);
  const float m = (float)n, r = (a - m * 0.693359375f) + m * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const edgernn_bits power = {.u = (uint32_t)(n + 127) << 23};
  const float y = p * power.f;
  return x < least ? 0.0f : x == x ? y : x;
}

/* The sum is that of LANES sums, from the first to the last. */
EDGERNN_INLINE void log_softmax(float *x, uint32_t count) {
  float most[LANES], sums[LANES] = {0.0f}, sum = 0.0f;
  const uint32_t whole = count - count % LANES;
  for (uint32_t k = 0; k < LANES; ++k) most[k] = x[k < count ? k : 0];
  for (uint32_t i = 0; i < whole; i += LANES) {
    for (uint32_t k = 0; k < LANES; ++k) most[k] = x[i + k] > most[k] ? x[i + k] : most[k];
  }
  for (uint32_t i = whole; i < count; ++i) most[0] = x[i] > most[0] ? x[i] : most[0];
  for (uint32_t k = 1; k < LANES; ++k) most[0] = most[k] > most[0] ? most[k] : most[0];
  for (uint32_t i = 0; i < whole; i += LANES) {
    for (uint32_t k = 0; k < LANES; ++k) {
      x[i + k] -= most[0];
      sums[k] += exp_below(x[i + k]);
    }
  }
  for (uint32_t i = whole; i < count; ++i) {
    x[i] -= most[0];
    sums[i - whole] += exp_below(x[i]);
  }
  for (uint32_t k = 0; k < LANES; ++k) sum += sums[k];
  const float log_sum = edgernn_log_f32(sum);
  for (uint32_t i = 0; i < count; ++i) x[i] -= log_sum;
}

/* Whether one of LANES is. */
EDGERNN_INLINE int any_above(const float *x, float least) {
  uint32_t above = 0;
  for (uint32_t k = 0; k < LANES; ++k) above |= x[k] > least;
  return (int)above;
}

/* The likeliest labels but the first, at most `most`, the likeliest first, equal ones in order. */
EDGERNN_INLINE uint32_t likeliest(const float *chances, uint32_t labels, uint32_t most,
                                  uint16_t *found) {
  uint32_t count = 0;
  float least = 0.0f; /* the least of those found */
  for (uint32_t label = 1; label < labels; ++label) {
    if (count == most && label % LANES == 0) { /* all of the next may be less */
      while (label + LANES <= labels && !any_above(chances + label, least)) label += LANES;
      if (label == labels) break;
    }
    if (count == most && !(chances[label] > least)) continue; /* nor what is no number */
    uint32_t at = count;
    while (at && chances[label] > chances[found[at - 1]]) --at;
    if (count < most) ++count;
    for (uint32_t i = count - 1; i > at; --i) found[i] = found[i - 1];
    found[at] = (uint16_t)label;
    least = chances[found[count - 1]];
  }
  return count;
}

#endif
