/* Frames from a generator, through a step, into one hash: a long stream without a byte of tables.
 *
 * stream.h defines STEP_STATE_BYTES, STEP_SCRATCH_BYTES, STEP_WIDTH, STEP_OUTPUTS, STREAM_FRAMES,
 * STEP_INIT(state) and STEP(state, scratch, x, y).
 */
#include "stream.h"

static uint32_t fold(uint32_t hash, const void *data, uint32_t bytes) {
  const unsigned char *p = data;
  while (bytes--) hash = (hash ^ *p++) * 16777619u;
  return hash;
}

/* xorshift32 (Marsaglia 2003) */
static uint32_t next(uint32_t *seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 17;
  return *seed ^= *seed << 5;
}

/* A quarter of the inputs change in a frame; every eighth run of 32 frames is silence. */
static void next_frame(uint32_t *seed, uint32_t t, float *x) {
  for (int i = 0; i < STEP_WIDTH; ++i) {
    const uint32_t drawn = next(seed);
    if (!(drawn & 3u)) x[i] = (float)((int32_t)(drawn >> 8) - 8388608) * 0x1p-22f;
    if ((t >> 5) % 8u == 7u) x[i] = 0.0f;
  }
}

/* The hash (FNV-1a) of `frames` outputs and the last state, as a signed number. */
int stream_hash(void *state, void *scratch, int frames);
int stream_hash(void *state, void *scratch, int frames) {
  float x[STEP_WIDTH] = {0.0f}, y[STEP_OUTPUTS];
  uint32_t hash = 2166136261u, seed = 2463534242u;
  STEP_INIT(state);
  for (int t = 0; t < frames; ++t) {
    next_frame(&seed, (uint32_t)t, x);
    STEP(state, scratch, x, y);
    hash = fold(hash, y, sizeof y);
  }
  return (int)fold(hash, state, STEP_STATE_BYTES);
}

#ifdef STREAM_MAIN
#include "port.h"

static unsigned char state[STEP_STATE_BYTES + 16] __attribute__((aligned(16)));
static unsigned char scratch[STEP_SCRATCH_BYTES + 16] __attribute__((aligned(16)));

int main(void) {
  char text[] = "hash=0x........\n";
  uint32_t hash = (uint32_t)stream_hash(state, scratch, STREAM_FRAMES);
  for (int i = 14; i > 6; --i, hash >>= 4) text[i] = "0123456789abcdef"[hash & 15u];
  port_write(text);
  return 0;
}
#endif
