/* Reads samples (float32 as the CPU stores them), prints each word once it is certain:
 *
 *   word LABEL FRAME UTTERANCE SCORE TEXT
 *
 * FRAME is the encoder's, SCORE the bits of a float32. transcribe.h is generated; it defines BEAM,
 * END_FRAMES and HOT_WORDS, a tree or 0.
 */
#include "transcribe.h"

#include "port.h"
#include "print.h"

static edgernn_recognizer heard;
static unsigned char memory[RECOGNIZER_BYTES(BEAM)] __attribute__((aligned(16)));
static float samples[RECOGNIZER_BLOCK];

static void print(const edgernn_word *words, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    const union {
      float f;
      uint32_t u;
    } score = {words[i].score};
    print_number("word ", words[i].label, 10, " ");
    print_number("", words[i].frame, 10, " ");
    print_number("", words[i].utterance, 10, " ");
    print_number("0x", score.u, 16, " ");
    port_write(recognizer_labels[words[i].label]);
    port_write("\n");
  }
}

int main(void) {
  const edgernn_recognizer_options options = {BEAM, END_FRAMES, HOT_WORDS};
  const edgernn_word *words;
  uint32_t count;
  if (edgernn_recognizer_init(&heard, &recognizer_model, &options, memory, sizeof memory)) return 2;
  while (port_read(samples, sizeof samples) == sizeof samples) {
    count = edgernn_recognizer_push(&heard, samples, &words);
    print(words, count);
  }
  count = edgernn_recognizer_finish(&heard, &words);
  print(words, count);
  return 0;
}
