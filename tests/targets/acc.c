#include "acc.h"

#define CHANNELS 8

static const int8_t weight[CHANNELS] = {1, -2, 3, -4, 5, -6, 7, -8};
/* pointers in constants: a shared library needs relocations for these */
static const int8_t *const rows[2] = {weight, weight + CHANNELS / 2};

uint32_t acc_state_size(void) { return ACC_STATE_BYTES; }

uint32_t acc_scratch_size(void) { return ACC_SCRATCH_BYTES; }

void acc_reset(void *state) {
  int32_t *sum = state;
  for (int i = 0; i < CHANNELS; ++i) sum[i] = 100 * i;
}

int acc_init(void *state, uint32_t bytes) {
  if (bytes < ACC_STATE_BYTES || ((uintptr_t)state & 15u)) return -1;
  acc_reset(state);
  return 0;
}

/* sum' = sum / 2 + w . x rotated;  y = first four sums;  z = y * gain + 1/8 */
void acc_step(void *state, void *scratch, const int8_t *x, const float *gain, int32_t *y,
              float *z) {
  int32_t *sum = state;
  int32_t *dot = scratch;
  for (int i = 0; i < CHANNELS; ++i) {
    dot[i & 3] = 0;
    for (int k = 0; k < CHANNELS; ++k) dot[i & 3] += rows[k >> 2][k & 3] * x[(k + i) & 7];
    sum[i] = sum[i] / 2 + dot[i & 3];
  }
  for (int i = 0; i < 4; ++i) {
    y[i] = sum[i];
    z[i] = (float)sum[i] * *gain + 0.125f;
  }
}

int acc_polynomial(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k) {
  return a + 2 * b + 3 * c + 5 * d + 7 * e + 11 * f + 13 * g + 17 * h + 19 * i + 23 * j + 29 * k;
}

int acc_trap(void) { __builtin_trap(); }
