/* Words in a stream of samples: `./example < samples.f32`, mono floats in [-1, 1) at @RATE@ Hz. */
#include <stdio.h>

#include "@NAME@.h"

static edgernn_spotter spotter;
static unsigned char memory[SPOTTER_BYTES] __attribute__((aligned(16)));
static float samples[SPOTTER_BLOCK];

int main(void) {
  const edgernn_detection *words;
  if (edgernn_spotter_init(&spotter, &spotter_model, memory, sizeof memory)) return 1;
  while (fread(samples, sizeof *samples, SPOTTER_BLOCK, stdin) == SPOTTER_BLOCK) {
    if (!edgernn_fit(samples, SPOTTER_BLOCK)) continue; /* no number: not heard */
    const uint32_t count = edgernn_spotter_push(&spotter, samples, &words);
    for (uint32_t i = 0; i < count; ++i) {
      const float ms = (float)(words[i].frame + 1) * spotter_model.frame_ms;
      printf("%.2f %s %.2f\n", ms / 1000, spotter_labels[words[i].label], words[i].score);
    }
  }
  return 0;
}
