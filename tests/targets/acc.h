/* A step written by hand to the ABI of compiled steps: leaky accumulators of 8 int8 inputs. */
#ifndef ACC_H
#define ACC_H

#include <stdint.h>

#define ACC_STATE_BYTES 32
#define ACC_SCRATCH_BYTES 16

uint32_t acc_state_size(void);
uint32_t acc_scratch_size(void);
void acc_reset(void *state);
int acc_init(void *state, uint32_t bytes);
void acc_step(void *state, void *scratch, const int8_t *x, const float *gain, int32_t *y, float *z);

/* For the tests of the runners themselves. */
int acc_polynomial(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k);
int acc_trap(void);

#endif
