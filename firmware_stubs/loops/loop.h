/* What the loops around compiled steps share: how a step is reached, how memory is parted. */
#ifndef EDGERNN_LOOP_H
#define EDGERNN_LOOP_H

#include <stdint.h>

/* A compiled step of one input and one output, as its NAME.h declares it. */
typedef struct {
  uint32_t state_bytes, scratch_bytes;
  void (*reset)(void *state);
  void (*step)(void *state, void *scratch, const float *in, float *out);
} edgernn_step;

typedef struct {
  uint32_t state_bytes, scratch_bytes;
  void (*reset)(void *state);
  void (*step)(void *state, void *scratch, const int64_t *label, float *out);
} edgernn_label_step;

/* {EDGERNN_STEP(ENCODER, encoder)} from encoder.h */
#define EDGERNN_STEP(NAME, name) NAME##_STATE_BYTES, NAME##_SCRATCH_BYTES, name##_reset, name##_step

#define EDGERNN_ROOM(bytes) (((uint32_t)(bytes) + 15u) & ~15u)

#endif
