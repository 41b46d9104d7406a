/* What is said in a stream: `./example < samples.f32`, mono floats in [-1, 1) at @RATE@ Hz. */
#include <stdio.h>

#include "@NAME@.h"

#define BEAM 4

static edgernn_recognizer heard;
static unsigned char memory[RECOGNIZER_BYTES(BEAM)] __attribute__((aligned(16)));
static float samples[RECOGNIZER_BLOCK];

static void print(const edgernn_word *words, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    const float ms = (float)(words[i].frame + 1) * recognizer_model.word_ms;
    printf("%.2f %s\n", ms / 1000, recognizer_labels[words[i].label]);
  }
}

int main(void) {
  const edgernn_recognizer_options options = {.beam = BEAM, .end_frames = 10};
  const edgernn_word *words;
  uint32_t count;
  if (edgernn_recognizer_init(&heard, &recognizer_model, &options, memory, sizeof memory)) return 1;
  while (fread(samples, sizeof *samples, RECOGNIZER_BLOCK, stdin) == RECOGNIZER_BLOCK) {
    if (!edgernn_fit(samples, RECOGNIZER_BLOCK)) continue; /* no number: not heard */
    count = edgernn_recognizer_push(&heard, samples, &words);
    print(words, count);
  }
  count = edgernn_recognizer_finish(&heard, &words);
  print(words, count);
  return 0;
}
