/* What is saved of a recogniser: samples and frames that wait, the steps' states, the hypotheses. */
#include "recognizer_saved.h"

#include "saved.h"

typedef struct {
  edgernn_recognizer *r;
  edgernn_rest *rest;
} parts;

static uint32_t floats(uint32_t count) { return count * (uint32_t)sizeof(float); }

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* How many places a tree has: each is led to by one before it. */
static uint32_t place_count(const edgernn_hot_place *hot) {
  uint32_t count = 1;
  for (uint32_t i = 0; hot && i < count; ++i)
    count = larger(count, larger(hot[i].first, hot[i].next) + 1u);
  return count;
}

/* Of a tree's numbers; what lies between them in memory is not theirs. */
static uint32_t tree_sum(const edgernn_hot_place *hot) {
  const uint32_t count = hot ? place_count(hot) : 0u;
  uint32_t sum = EDGERNN_ANY;
  for (uint32_t i = 0; i < count; ++i) {
    const uint16_t leads[3] = {hot[i].label, hot[i].first, hot[i].next};
    sum = edgernn_crc(sum, &hot[i].given, sizeof hot[i].given);
    sum = edgernn_crc(sum, &hot[i].kept, sizeof hot[i].kept);
    sum = edgernn_crc(sum, leads, sizeof leads);
  }
  return sum;
}

/* Words that are not certain yet lie in frames one behind the other, none LAG old; so there is room
 * for them and the next. */
static void walk_words(edgernn_walk *w, const edgernn_recognizer *r, edgernn_hypothesis *one,
                       uint32_t frame, uint32_t utterance) {
  const uint32_t most = smaller(frame, EDGERNN_WORDS(r->options.beam) - 1u);
  const uint32_t count = edgernn_walk_word(w, &one->count, 0, most);
  uint32_t before = frame > EDGERNN_RECOGNIZER_LAG ? frame - EDGERNN_RECOGNIZER_LAG : 0u;
  for (uint32_t i = 0; i < count; ++i) {
    edgernn_word *const word = &one->words[i];
    edgernn_walk_word(w, &word->label, 0, r->model->labels - 1u);
    before = edgernn_walk_word(w, &word->frame, before, frame - 1u) + 1u;
    edgernn_walk_word(w, &word->utterance, 0, utterance);
    edgernn_walk_bytes(w, &word->score, sizeof word->score);
  }
}

static void walk(edgernn_walk *w, void *over) {
  const parts *const p = over;
  edgernn_recognizer *const r = p->r;
  const edgernn_recognizer_model *const m = r->model;
  const uint32_t places = place_count(r->options.hot);
  edgernn_walk_same(w, r->options.beam);
  edgernn_walk_same(w, tree_sum(r->options.hot));
  edgernn_walk_rest(w, p->rest, m->block);
  const uint32_t frame = edgernn_walk_word(w, &r->frame, 0, EDGERNN_ANY);
  const uint32_t utterance = edgernn_walk_word(w, &r->utterance, 0, EDGERNN_ANY);
  edgernn_walk_word(w, &r->last, 0, frame);
  edgernn_walk_word(w, &r->spoke, 0, 1);
  edgernn_walk_word(w, &r->early, 0, m->delay);
  edgernn_walk_word(w, &r->waiting_count, 0, m->hop - 1u);
  edgernn_walk_bytes(w, r->waiting, floats(m->hop * m->channels));
  edgernn_walk_bytes(w, r->features, m->features.state_bytes);
  edgernn_walk_bytes(w, r->encoder, m->encoder.state_bytes);
  edgernn_walk_bytes(w, r->joiner, m->joiner.state_bytes);
  const uint32_t count = edgernn_walk_word(w, &r->count, 1, r->options.beam);
  for (uint32_t i = 0; i < count; ++i) {
    edgernn_hypothesis *const one = &r->found[i];
    edgernn_walk_bytes(w, &one->score, sizeof one->score);
    edgernn_walk_word(w, &one->place, 0, places - 1u);
    edgernn_walk_bytes(w, one->predicted, floats(m->predicted));
    edgernn_walk_bytes(w, one->state, m->predictor.state_bytes);
    walk_words(w, r, one, frame, utterance);
  }
}

static parts parts_of(const edgernn_recognizer *r, const edgernn_rest *rest) {
  return (parts){(edgernn_recognizer *)r, (edgernn_rest *)rest};
}

uint32_t edgernn_recognizer_saved_bytes(const edgernn_recognizer *r) {
  parts all = parts_of(r, 0);
  return edgernn_saved_bytes(walk, &all);
}

int edgernn_recognizer_save(const edgernn_recognizer *r, const edgernn_model *model,
                            const edgernn_rest *rest, void *saved, uint32_t bytes) {
  parts all = parts_of(r, rest);
  if (model->loop != r->model) return EDGERNN_OTHER_MODEL;
  return edgernn_saved_write(model, EDGERNN_SAVED_LOOP, walk, &all, saved, bytes);
}

int edgernn_recognizer_restore(edgernn_recognizer *r, const edgernn_model *model,
                               edgernn_rest *rest, const void *saved, uint32_t bytes) {
  parts all = parts_of(r, rest);
  if (model->loop != r->model) return EDGERNN_OTHER_MODEL;
  return edgernn_saved_read(model, EDGERNN_SAVED_LOOP, walk, &all, saved, bytes);
}
