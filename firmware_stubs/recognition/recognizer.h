/* A recogniser's loop: blocks of samples in, words out as soon as they are certain.
 *
 * Four compiled steps, reached through an edgernn_recognizer_model; all memory is the caller's, its
 * size is fixed, and nothing else is written, so every stream with memory of its own may run in a
 * thread of its own. Gives the very words and scores of edgernn/recognition/decode.py. Build it as
 * the steps: -ffp-contract=off.
 *
 *   static edgernn_recognizer heard;
 *   static unsigned char memory[RECOGNIZER_BYTES(4)] __attribute__((aligned(16)));
 *   const edgernn_recognizer_options options = {.beam = 4, .end_frames = 10};
 *
 *   edgernn_recognizer_init(&heard, &recognizer_model, &options, memory, sizeof memory);
 *   n = edgernn_recognizer_push(&heard, samples, &words);     and again, block after block
 */
#ifndef EDGERNN_RECOGNIZER_H
#define EDGERNN_RECOGNIZER_H

#include "loop.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EDGERNN_RECOGNIZER_LAG 50u /* encoder frames after which a word is settled */
#define EDGERNN_RECOGNIZER_MOST_BEAM 32u

/* What `edgernn embed` writes of a bundle. `features` takes `block` samples and gives `frames`
 * frames of `channels`; `encoder` takes `hop` frames and gives `encoded` floats; `predictor` takes
 * a label and gives `predicted` floats; `joiner` takes the floats of both and gives logits of
 * `labels` labels, of which 0 is the blank. An encoder that looks ahead tells of a frame `delay`
 * vectors later. */
typedef struct {
  uint32_t block, frames, channels, hop, delay, encoded, predicted, labels;
  float word_ms; /* of an encoder's frame */
  edgernn_step features, encoder;
  edgernn_label_step predictor;
  edgernn_step joiner;
} edgernn_recognizer_model;

/* A place in the tree of phrases that are expected. given: what scores are higher by there, kept:
 * of it, if the phrase breaks off. label leads there; first: the first place that follows, next:
 * another that follows the same place; 0 for none. The root is place 0. */
typedef struct {
  float given, kept;
  uint16_t label, first, next;
} edgernn_hot_place;

/* beam: hypotheses, 1 is greedy. end_frames: an utterance ends so many encoder frames after its
 * last word; 0 for never. hot: a tree of phrases, or 0. */
typedef struct {
  uint32_t beam, end_frames;
  const edgernn_hot_place *hot;
} edgernn_recognizer_options;

/* A word that was heard. (frame + 1) * word_ms: where in the stream its frame ends. score: its
 * probability there. utterance: how many had ended before it. */
typedef struct {
  uint32_t label, frame, utterance;
  float score;
} edgernn_word;

/* What may have been said since the last certain word; score: its probability among the beam. */
typedef struct {
  const edgernn_word *words;
  uint32_t count;
  float score;
} edgernn_reading;

/* The rest is the loop's own, declared for its size. */
typedef struct {
  float score, *predicted;
  void *state;
  edgernn_word *words;
  uint32_t count, place;
} edgernn_hypothesis;

typedef struct {
  float score, chance;
  uint16_t from, label, place;
} edgernn_candidate;

typedef struct {
  const edgernn_recognizer_model *model;
  edgernn_recognizer_options options;
  void *features, *encoder, *joiner, *scratch;
  void *kept; /* the encoder's state, while it hears what it holds back */
  float *given, *waiting, *tail, *both, *logits;
  edgernn_hypothesis *found, *grown;
  edgernn_candidate *candidates;
  edgernn_word *heard;
  edgernn_reading *readings;
  uint32_t count, candidate_count, heard_count, waiting_count;
  uint32_t frame, utterance, last, spoke;
  uint32_t early; /* vectors to come that tell nothing, or what was told already */
} edgernn_recognizer;

#define EDGERNN_WORDS(beam) ((beam) > 1u ? EDGERNN_RECOGNIZER_LAG + 1u : 1u)
/* Bytes of memory. once: of the steps and what is fed to them; each: of a hypothesis' predictor;
 * vectors: that the encoder gives in a block or holds back, at most. */
#define EDGERNN_RECOGNIZER_BYTES(beam, once, each, vectors)                                     \
  ((once) +                                                                                     \
   2u * (beam) * ((each) + EDGERNN_ROOM(EDGERNN_WORDS(beam) * sizeof(edgernn_word))) +          \
   2u * EDGERNN_ROOM((beam) * sizeof(edgernn_hypothesis)) +                                     \
   EDGERNN_ROOM((beam) * ((beam) + 1u) * sizeof(edgernn_candidate)) +                           \
   EDGERNN_ROOM((EDGERNN_WORDS(beam) + (vectors)) * sizeof(edgernn_word)) +                     \
   EDGERNN_ROOM((beam) * sizeof(edgernn_reading)))

/* Bytes of memory that `beam` hypotheses need. */
uint32_t edgernn_recognizer_bytes(const edgernn_recognizer_model *model, uint32_t beam);

/* 0; -1 if `bytes` is too small, `memory` is not 16-aligned, or the beam is 0 or above the most.
 * Model, tree and memory must stay where they are. */
int edgernn_recognizer_init(edgernn_recognizer *r, const edgernn_recognizer_model *model,
                            const edgernn_recognizer_options *options, void *memory,
                            uint32_t bytes);

/* Back to the state before the first sample. */
void edgernn_recognizer_reset(edgernn_recognizer *r);

/* Take one block of samples. Gives how many words have become certain, and where they lie until
 * the next call. */
uint32_t edgernn_recognizer_push(edgernn_recognizer *r, const float *samples,
                                 const edgernn_word **words);

/* The rest of the utterance, likewise; the next word begins another. What an encoder that looks
 * ahead still holds back is heard as if the last frame went on; the stream may go on behind. */
uint32_t edgernn_recognizer_finish(edgernn_recognizer *r, const edgernn_word **words);

/* What may have been said since the last certain word, the likeliest first: how many readings, at
 * most `beam`, and where they lie until the next call. */
uint32_t edgernn_recognizer_readings(edgernn_recognizer *r, const edgernn_reading **readings);

/* Add a phrase to a tree in an array of `room` places, of which *count hold something: begin with
 * one that is all zeros. Each word is worth so many nats. 0; -1 if the room is too small. */
int edgernn_hot_words_add(edgernn_hot_place *places, uint32_t room, uint32_t *count,
                          const uint16_t *labels, uint32_t length, float worth);

#ifdef __cplusplus
}
#endif
#endif
