/* Beam search over the monotonic lattice of a transducer, frame by frame, without end.
 *
 * The twin of edgernn/recognition/search.py: the order of every sum and choice is the same there.
 */
#include "recognizer_search.h"
#include "loop_search.h"

#define BLANK 0u

static const edgernn_hot_place nowhere[1] = {{0.0f, 0.0f, 0, 0, 0}};

static const edgernn_hot_place *tree(const edgernn_recognizer *r) {
  return r->options.hot ? r->options.hot : nowhere;
}

/* ---- hot words */

static uint32_t after(const edgernn_hot_place *places, uint32_t place, uint32_t label) {
  uint32_t at = places[place].first;
  while (at && places[at].label != label) at = places[at].next;
  return at;
}

/* What the score changes by where the phrase breaks off. */
static float left(const edgernn_hot_place *places, uint32_t place) {
  return places[place].kept - places[place].given;
}

/* Where a label leads; the score changes by *change. */
static uint32_t lead(const edgernn_hot_place *places, uint32_t place, uint32_t label,
                     float *change) {
  *change = 0.0f;
  uint32_t onward = after(places, place, label);
  if (!onward) {
    *change = left(places, place);
    place = 0;
    onward = after(places, place, label);
  }
  *change += places[onward].given - places[place].given;
  return places[onward].first ? onward : 0;
}

/* ---- hypotheses */

static uint32_t length(const edgernn_recognizer *r, const edgernn_candidate *one) {
  return r->found[one->from].count + (one->label != BLANK);
}

static uint32_t label_at(const edgernn_recognizer *r, const edgernn_candidate *one, uint32_t at) {
  const edgernn_hypothesis *from = &r->found[one->from];
  return at < from->count ? from->words[at].label : one->label;
}

static int same_labels(const edgernn_recognizer *r, const edgernn_candidate *a,
                       const edgernn_candidate *b) {
  uint32_t at = length(r, a);
  if (at != length(r, b)) return 0;
  while (at--) {
    if (label_at(r, a, at) != label_at(r, b, at)) return 0;
  }
  return 1;
}

/* Join a candidate with its like. */
static void add(edgernn_recognizer *r, edgernn_candidate one) {
  for (uint32_t i = 0; i < r->candidate_count; ++i) {
    edgernn_candidate *other = &r->candidates[i];
    if (!same_labels(r, &one, other)) continue;
    const float total = add_logs(one.score, other->score);
    if (one.score > other->score) *other = one;
    other->score = total;
    return;
  }
  r->candidates[r->candidate_count++] = one;
}

/* A blank or one of the likeliest labels after a hypothesis. */
static void grow(edgernn_recognizer *r, uint32_t from) {
  const edgernn_recognizer_model *m = r->model;
  const edgernn_hypothesis *one = &r->found[from];
  uint16_t labels[EDGERNN_RECOGNIZER_MOST_BEAM];
  copy_floats(r->both + m->encoded, one->predicted, m->predicted);
  m->joiner.step(r->joiner, r->scratch, r->both, r->logits);
  log_softmax(r->logits, m->labels);
  const float blank = r->logits[BLANK];
  add(r, (edgernn_candidate){one->score + blank, blank, (uint16_t)from, BLANK,
                             (uint16_t)one->place});
  const uint32_t count = likeliest(r->logits, m->labels, r->options.beam, labels);
  for (uint32_t i = 0; i < count; ++i) {
    float change;
    const uint32_t place = lead(tree(r), one->place, labels[i], &change);
    const float chance = r->logits[labels[i]];
    add(r, (edgernn_candidate){one->score + chance + change, chance, (uint16_t)from, labels[i],
                               (uint16_t)place});
  }
}

static void predict(edgernn_recognizer *r, edgernn_hypothesis *one, uint32_t label) {
  const int64_t token = label;
  r->model->predictor.step(one->state, r->scratch, &token, one->predicted);
}

/* Make a hypothesis of a candidate. */
static void follow(edgernn_recognizer *r, const edgernn_candidate *one, edgernn_hypothesis *to) {
  const edgernn_recognizer_model *m = r->model;
  const edgernn_hypothesis *from = &r->found[one->from];
  to->score = one->score;
  to->place = one->place;
  to->count = from->count;
  copy_bytes(to->state, from->state, m->predictor.state_bytes);
  copy_bytes(to->words, from->words, from->count * (uint32_t)sizeof *from->words);
  if (one->label == BLANK) {
    copy_floats(to->predicted, from->predicted, m->predicted);
    return;
  }
  to->words[to->count++] =
      (edgernn_word){one->label, r->frame, r->utterance, edgernn_exp_f32(one->chance)};
  predict(r, to, one->label);
}

/* The best candidates, equal ones in order, are what is followed from here on. */
static void choose(edgernn_recognizer *r) {
  uint32_t count = 0;
  for (; count < r->options.beam && count < r->candidate_count; ++count) {
    uint32_t best = count;
    for (uint32_t i = count + 1; i < r->candidate_count; ++i) {
      if (r->candidates[i].score > r->candidates[best].score) best = i;
    }
    const edgernn_candidate chosen = r->candidates[best];
    for (; best > count; --best) r->candidates[best] = r->candidates[best - 1];
    r->candidates[count] = chosen;
    follow(r, &chosen, &r->grown[count]);
  }
  edgernn_hypothesis *const before = r->found;
  r->found = r->grown;
  r->grown = before;
  r->count = count;
}

/* ---- what is certain */

static uint32_t old_words(const edgernn_recognizer *r, const edgernn_hypothesis *one) {
  uint32_t count = 0;
  while (count < one->count && r->frame - one->words[count].frame >= EDGERNN_RECOGNIZER_LAG) {
    ++count;
  }
  return count;
}

/* How many labels two hypotheses begin alike with. */
static uint32_t alike(const edgernn_hypothesis *a, const edgernn_hypothesis *b) {
  uint32_t count = 0;
  while (count < a->count && count < b->count && a->words[count].label == b->words[count].label) {
    ++count;
  }
  return count;
}

/* Drop what has other old words than the best. */
static void settle(edgernn_recognizer *r) {
  const uint32_t old = old_words(r, r->found);
  uint32_t kept = 1;
  for (uint32_t i = 1; i < r->count; ++i) {
    const edgernn_hypothesis one = r->found[i];
    if (alike(r->found, &one) < old || old_words(r, &one) > old) continue;
    r->found[i] = r->found[kept]; /* each keeps the buffers it points to */
    r->found[kept++] = one;
  }
  r->count = kept;
}

static void hear(edgernn_recognizer *r, const edgernn_word *words, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) r->heard[r->heard_count++] = words[i];
}

/* What all agree on is heard and leaves the search; the best score becomes 0. */
static void release(edgernn_recognizer *r) {
  const float best = r->found[0].score;
  uint32_t count = r->found[0].count;
  for (uint32_t i = 1; i < r->count; ++i) {
    const uint32_t same = alike(r->found, &r->found[i]);
    count = same < count ? same : count;
  }
  hear(r, r->found[0].words, count);
  for (uint32_t i = 0; i < r->count; ++i) {
    edgernn_hypothesis *one = &r->found[i];
    one->score -= best;
    one->count -= count;
    for (uint32_t k = 0; k < one->count; ++k) one->words[k] = one->words[k + count];
  }
}

void edgernn_search_push(edgernn_recognizer *r) {
  r->candidate_count = 0;
  for (uint32_t i = 0; i < r->count; ++i) grow(r, i);
  choose(r);
  if (r->found[0].count) {
    r->spoke = 1;
    r->last = r->found[0].words[r->found[0].count - 1].frame;
  }
  settle(r);
  release(r);
}

void edgernn_search_begin(edgernn_recognizer *r) {
  edgernn_hypothesis *one = r->found;
  one->score = 0.0f;
  one->count = one->place = 0;
  r->count = 1;
  r->spoke = r->last = 0;
  r->model->predictor.reset(one->state);
  predict(r, one, BLANK);
}

void edgernn_search_rank(edgernn_recognizer *r) {
  float total = 0.0f;
  for (uint32_t i = 0; i < r->count; ++i) {
    const edgernn_hypothesis *one = &r->found[i];
    const float score = one->score + left(tree(r), one->place);
    r->readings[i] = (edgernn_reading){one->words, one->count, score};
    total = i ? add_logs(total, score) : score;
  }
  for (uint32_t i = 0; i < r->count; ++i) {
    edgernn_reading one = r->readings[i];
    uint32_t at = i;
    one.score -= total;
    for (; at && one.score > r->readings[at - 1].score; --at) r->readings[at] = r->readings[at - 1];
    r->readings[at] = one;
  }
}

void edgernn_search_end(edgernn_recognizer *r) {
  edgernn_search_rank(r);
  hear(r, r->readings[0].words, r->readings[0].count);
  edgernn_search_begin(r);
}
