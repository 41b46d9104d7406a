/* A recogniser's stream: samples to features, features to the encoder, its vectors to the search.
 *
 * The twin of edgernn/recognition/decode.py.
 */
#include "recognizer.h"

#include "recognizer_search.h"
#include "loop_search.h"

static uint32_t scratch_bytes(const edgernn_recognizer_model *m) {
  return EDGERNN_ROOM(larger(larger(m->features.scratch_bytes, m->encoder.scratch_bytes),
                             larger(m->predictor.scratch_bytes, m->joiner.scratch_bytes)));
}

/* Vectors that the encoder gives in a block or holds back, at most. */
static uint32_t vectors(const edgernn_recognizer_model *m) {
  return larger((m->frames + m->hop - 1u) / m->hop, m->delay);
}

/* To hear what it holds back: its state, and frames. */
static uint32_t kept_bytes(const edgernn_recognizer_model *m) {
  return m->delay ? m->encoder.state_bytes : 0u;
}

static uint32_t tail_bytes(const edgernn_recognizer_model *m) {
  return m->delay ? floats(m->hop * m->channels) : 0u;
}

uint32_t edgernn_recognizer_bytes(const edgernn_recognizer_model *m, uint32_t beam) {
  const uint32_t once = EDGERNN_ROOM(m->features.state_bytes) +
                        EDGERNN_ROOM(m->encoder.state_bytes) +
                        EDGERNN_ROOM(m->joiner.state_bytes) + scratch_bytes(m) +
                        floats(m->frames * m->channels) + floats(m->hop * m->channels) +
                        EDGERNN_ROOM(kept_bytes(m)) + tail_bytes(m) +
                        floats(m->encoded + m->predicted) + floats(m->labels);
  const uint32_t each = EDGERNN_ROOM(m->predictor.state_bytes) + floats(m->predicted);
  return EDGERNN_RECOGNIZER_BYTES(beam, once, each, vectors(m));
}

static edgernn_hypothesis *take_hypotheses(edgernn_recognizer *r, unsigned char **memory) {
  const uint32_t beam = r->options.beam, words = EDGERNN_WORDS(beam);
  edgernn_hypothesis *const taken = take(memory, beam * (uint32_t)sizeof *taken);
  for (uint32_t i = 0; i < beam; ++i) {
    taken[i].state = take(memory, r->model->predictor.state_bytes);
    taken[i].predicted = take(memory, r->model->predicted * (uint32_t)sizeof(float));
    taken[i].words = take(memory, words * (uint32_t)sizeof(edgernn_word));
  }
  return taken;
}

int edgernn_recognizer_init(edgernn_recognizer *r, const edgernn_recognizer_model *m,
                            const edgernn_recognizer_options *options, void *memory,
                            uint32_t bytes) {
  const uint32_t beam = options->beam;
  if (!beam || beam > EDGERNN_RECOGNIZER_MOST_BEAM || ((uintptr_t)memory & 15u)) return -1;
  if (bytes < edgernn_recognizer_bytes(m, beam)) return -1;
  unsigned char *at = memory;
  r->model = m;
  r->options = *options;
  r->features = take(&at, m->features.state_bytes);
  r->encoder = take(&at, m->encoder.state_bytes);
  r->joiner = take(&at, m->joiner.state_bytes);
  r->scratch = take(&at, scratch_bytes(m));
  r->given = take(&at, floats(m->frames * m->channels));
  r->waiting = take(&at, floats(m->hop * m->channels));
  r->kept = take(&at, kept_bytes(m));
  r->tail = take(&at, tail_bytes(m));
  r->both = take(&at, floats(m->encoded + m->predicted));
  r->logits = take(&at, floats(m->labels));
  r->found = take_hypotheses(r, &at);
  r->grown = take_hypotheses(r, &at);
  r->candidates = take(&at, beam * (beam + 1u) * (uint32_t)sizeof *r->candidates);
  r->heard = take(&at, (EDGERNN_WORDS(beam) + vectors(m)) * (uint32_t)sizeof *r->heard);
  r->readings = take(&at, beam * (uint32_t)sizeof *r->readings);
  edgernn_recognizer_reset(r);
  return 0;
}

void edgernn_recognizer_reset(edgernn_recognizer *r) {
  r->model->features.reset(r->features);
  r->model->encoder.reset(r->encoder);
  r->model->joiner.reset(r->joiner);
  for (uint32_t i = 0; i < r->model->hop * r->model->channels; ++i) r->waiting[i] = 0.0f;
  r->waiting_count = r->heard_count = 0;
  r->frame = r->utterance = 0;
  r->early = r->model->delay;
  edgernn_search_begin(r);
}

/* Take one vector of the encoder. */
static void advance(edgernn_recognizer *r) {
  edgernn_search_push(r);
  const uint32_t end = r->options.end_frames;
  if (end && r->spoke && r->frame - r->last >= end) {
    edgernn_search_end(r);
    ++r->utterance;
  }
  ++r->frame;
}

/* Take the frames of one vector of the encoder. */
static void encode(edgernn_recognizer *r, const float *frames) {
  r->model->encoder.step(r->encoder, r->scratch, frames, r->both);
  if (r->early)
    --r->early;
  else
    advance(r);
}

/* Hear the frames that the encoder still waits for the future of; it stays as it is. */
static void hear_held_back(edgernn_recognizer *r) {
  const edgernn_recognizer_model *m = r->model;
  const float *const last = r->waiting + (m->hop - 1u) * m->channels;
  if (r->early == m->delay) return;
  copy_bytes(r->kept, r->encoder, m->encoder.state_bytes);
  for (uint32_t i = 0; i < m->hop * m->channels; ++i) r->tail[i] = last[i % m->channels];
  for (uint32_t i = 0; i < m->delay; ++i) encode(r, r->tail);
  copy_bytes(r->encoder, r->kept, m->encoder.state_bytes);
  r->early = m->delay;
}

uint32_t edgernn_recognizer_push(edgernn_recognizer *r, const float *samples,
                                 const edgernn_word **words) {
  const edgernn_recognizer_model *m = r->model;
  r->heard_count = 0;
  m->features.step(r->features, r->scratch, samples, r->given);
  for (uint32_t i = 0; i < m->frames; ++i) {
    float *const to = r->waiting + r->waiting_count * m->channels;
    for (uint32_t k = 0; k < m->channels; ++k) to[k] = r->given[i * m->channels + k];
    if (++r->waiting_count < m->hop) continue;
    r->waiting_count = 0;
    encode(r, r->waiting);
  }
  *words = r->heard;
  return r->heard_count;
}

uint32_t edgernn_recognizer_finish(edgernn_recognizer *r, const edgernn_word **words) {
  r->heard_count = 0;
  hear_held_back(r);
  edgernn_search_end(r);
  ++r->utterance;
  *words = r->heard;
  return r->heard_count;
}

uint32_t edgernn_recognizer_readings(edgernn_recognizer *r, const edgernn_reading **readings) {
  edgernn_search_rank(r);
  for (uint32_t i = 0; i < r->count; ++i) {
    r->readings[i].score = edgernn_exp_f32(r->readings[i].score);
  }
  *readings = r->readings;
  return r->count;
}

int edgernn_hot_words_add(edgernn_hot_place *places, uint32_t room, uint32_t *count,
                          const uint16_t *labels, uint32_t length, float worth) {
  uint32_t at = 0;
  for (uint32_t i = 0; i < length; ++i) {
    uint32_t onward = places[at].first;
    while (onward && places[onward].label != labels[i]) onward = places[onward].next;
    if (!onward) {
      if (*count >= room || *count > 65535u) return -1;
      onward = (*count)++;
      places[onward] = (edgernn_hot_place){places[at].given + worth, places[at].kept, labels[i], 0,
                                           places[at].first};
      places[at].first = (uint16_t)onward;
    }
    at = onward;
  }
  places[at].kept = places[at].given;
  return 0;
}
