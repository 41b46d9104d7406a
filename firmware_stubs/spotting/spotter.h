/* A keyword spotter's loop: blocks of samples in, words out when they were spoken.
 *
 * All memory is the caller's, its size is fixed, and nothing else is written, so every stream with
 * memory of its own may run in a thread of its own. The twin of edgernn/spotting/detector.py, in
 * float32. Build it as the step: -ffp-contract=off.
 *
 *   static edgernn_spotter heard;
 *   static unsigned char memory[SPOTTER_BYTES] __attribute__((aligned(16)));
 *
 *   edgernn_spotter_init(&heard, &spotter_model, memory, sizeof memory);
 *   n = edgernn_spotter_push(&heard, samples, &words);     and again, block after block
 */
#ifndef EDGERNN_SPOTTER_H
#define EDGERNN_SPOTTER_H

#include "loop.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What `edgernn embed` writes of a bundle. `spot` takes `block` samples and gives `frames` frames of
 * logits of `labels` labels. A label that is a keyword is detected in the frame where its
 * probability, averaged over `window` frames, is the largest of the keywords and reaches
 * `threshold`; then nothing is for `refractory` frames, and the same label not again before its
 * average has fallen below half the threshold. */
typedef struct {
  uint32_t block, frames, labels, window, refractory;
  float threshold, frame_ms;
  const unsigned char *keywords; /* 1 for a label that is one */
  const char *const *texts;
  edgernn_step spot;
} edgernn_spotter_model;

/* (frame + 1) * frame_ms: where in the stream its frame ends. score: the averaged probability. */
typedef struct {
  uint32_t label, frame;
  float score;
} edgernn_detection;

/* threshold may be set anew at any time. The rest is the loop's own, declared for its size. */
typedef struct {
  const edgernn_spotter_model *model;
  float threshold;
  void *state, *scratch;
  float *logits, *recent, *mean;
  edgernn_detection *found;
  uint32_t frame, quiet, held, at;
} edgernn_spotter;

/* Bytes of memory. once: of the step; frames and window of so many labels. */
#define EDGERNN_SPOTTER_BYTES(once, frames, window, labels)            \
  ((once) + EDGERNN_ROOM((frames) * (labels) * sizeof(float)) +        \
   EDGERNN_ROOM((window) * (labels) * sizeof(float)) +                 \
   EDGERNN_ROOM((labels) * sizeof(float)) +                            \
   EDGERNN_ROOM((frames) * sizeof(edgernn_detection)))

/* Bytes of memory that a stream needs. */
uint32_t edgernn_spotter_bytes(const edgernn_spotter_model *model);

/* 0; -1 if `bytes` is too small or `memory` is not 16-aligned. Model and memory must stay. */
int edgernn_spotter_init(edgernn_spotter *s, const edgernn_spotter_model *model, void *memory,
                         uint32_t bytes);

/* Back to the state before the first sample. */
void edgernn_spotter_reset(edgernn_spotter *s);

/* Take one block of samples, all finite. Gives how many words were detected, and where they lie
 * until the next call. */
uint32_t edgernn_spotter_push(edgernn_spotter *s, const float *samples,
                              const edgernn_detection **words);

#ifdef __cplusplus
}
#endif
#endif
