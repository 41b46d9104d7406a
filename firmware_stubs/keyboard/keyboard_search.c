/* Beam search over the words of a sentence, run of keys by run of keys.
 *
 * The twin of edgernn/keyboard/search.py: the order of every sum and choice is the same there.
 */
#include "keyboard_inner.h"
#include "loop_search.h"

#define LAG EDGERNN_KEYBOARD_LAG
#define MOST EDGERNN_KEYBOARD_MOST
#define POOL EDGERNN_KEYBOARD_POOL
#define AS_TYPED EDGERNN_AS_TYPED
#define FURTHER EDGERNN_FURTHER
#define TYPED 0u /* the label of a word that the vocabulary lacks */
#define SPARE 2u /* letters by which a word may be shorter than the runs that it is read from */

/* ---- readings: generation by generation, each of a word more in the last run */

edgernn_reading *edgernn_reading_at(const edgernn_keyboard *k, const edgernn_moment *m,
                                    uint32_t i) {
  const uint32_t first = k->moment_bytes - k->options.beam * k->reading_bytes;
  return (edgernn_reading *)((unsigned char *)m + first + i * k->reading_bytes);
}

float *edgernn_vector(const edgernn_reading *one) {
  return (float *)((unsigned char *)one + EDGERNN_ROOM(sizeof *one));
}

edgernn_text edgernn_between(const edgernn_moment *m, uint32_t from, uint32_t to) {
  return (edgernn_text){m->typed + from, to - from};
}

edgernn_text edgernn_core_of(const edgernn_keyboard *k, uint32_t run) {
  const edgernn_run *const one = &k->now->runs[run];
  return edgernn_between(k->now, one->core, one->rest);
}

/* What it costs to leave a run as it was typed. */
static float strange(const edgernn_keyboard *k, uint32_t run) {
  const edgernn_text core = edgernn_core_of(k, run);
  if (edgernn_is_joined(k->model, core)) return k->model->listed;
  return k->model->strange * (float)edgernn_characters(core);
}

float edgernn_likely(const edgernn_keyboard *k, const edgernn_reading *one) {
  const uint32_t last = k->now->run_count - 1u;
  return one->counts[last] ? one->score : one->score - k->strange;
}

static edgernn_reading *grown(const edgernn_keyboard *k, uint32_t at) {
  return (edgernn_reading *)(k->grown + at * k->reading_bytes);
}

/* `history` hears a word. */
static void tell(edgernn_keyboard *k, edgernn_reading *one, uint32_t label) {
  const edgernn_keyboard_model *m = k->model;
  const int64_t token = label;
  m->history.step(edgernn_history_state(k, one), k->scratch, &token, edgernn_vector(one));
}

void edgernn_readings_begin(edgernn_keyboard *k) {
  const edgernn_keyboard_model *m = k->model;
  edgernn_reading *const one = edgernn_reading_at(k, k->now, 0);
  k->now->count = 1;
  one->score = 0.0f;
  m->history.reset(edgernn_history_state(k, one));
  tell(k, one, m->labels - 1u);
}

/* ---- words */

edgernn_text edgernn_label_text(const edgernn_keyboard_model *m, uint32_t label) {
  const uint32_t *const start = m->starts + label;
  return (edgernn_text){m->texts + start[0], start[1] - start[0] - 1u};
}

edgernn_text edgernn_held_text(const edgernn_keyboard *k, uint32_t run, edgernn_held held) {
  if (!held.own) return edgernn_label_text(k->model, held.label);
  if (held.own == AS_TYPED) return edgernn_core_of(k, run);
  if (held.own > AS_TYPED) return edgernn_whole_text(k->model->further + (held.own - FURTHER));
  return (edgernn_text){k->own[held.own - 1u].text, k->own[held.own - 1u].bytes};
}

uint32_t edgernn_label_of(const edgernn_keyboard_model *m, edgernn_text core) {
  for (uint32_t label = 1; label + 1u < m->labels; ++label) {
    if (edgernn_same_letters(edgernn_label_text(m, label), core)) return label;
  }
  return TYPED;
}

static int same_held(const edgernn_keyboard *k, uint32_t run, edgernn_held a, edgernn_held b) {
  if (a.label == b.label && a.own == b.own) return 1;
  return edgernn_same_text(edgernn_held_text(k, run, a), edgernn_held_text(k, run, b));
}

static int same_run(const edgernn_keyboard *k, uint32_t run, const edgernn_reading *a,
                    const edgernn_reading *b) {
  if (a->counts[run] != b->counts[run]) return 0;
  for (uint32_t i = 0; i < a->counts[run]; ++i) {
    if (!same_held(k, run, a->words[run][i], b->words[run][i])) return 0;
  }
  return 1;
}

/* How many runs two readings begin alike with. */
static uint32_t alike(const edgernn_keyboard *k, const edgernn_reading *a,
                      const edgernn_reading *b) {
  uint32_t count = 0;
  while (count < k->now->run_count && same_run(k, count, a, b)) ++count;
  return count;
}

/* ---- edits between what was typed and what is read */

/* In all, and the least to any beginning of what was typed. */
typedef struct {
  float all, least;
} edits;

/* Between so many words of the last run, and what was typed since the one before that has some. */
static edits edits_of(const edgernn_keyboard *k, const edgernn_reading *one, uint32_t words) {
  uint32_t word[EDGERNN_WORDS], typed[EDGERNN_TYPED], length = 0, count = 0;
  const uint32_t last = k->now->run_count - 1u;
  uint32_t run = last;
  edgernn_rows rows;
  for (uint32_t i = 0; i < words; ++i) {
    const edgernn_text text = edgernn_held_text(k, last, one->words[last][i]);
    if (i) word[length++] = ' ';
    length += edgernn_lowered(text, EDGERNN_KEYBOARD_LABEL, word + length);
  }
  while (run && !one->counts[run - 1u]) --run;
  for (const uint32_t first = run; run <= last; ++run) {
    if (run > first) typed[count++] = ' ';
    count += edgernn_lowered(edgernn_core_of(k, run), EDGERNN_KEYBOARD_LONGEST, typed + count);
  }
  const uint16_t *const row = edgernn_edits(word, length, typed, count, UINT32_MAX, rows);
  uint32_t least = row[0];
  for (uint32_t i = 1; i <= count; ++i) least = row[i] < least ? row[i] : least;
  return (edits){(float)row[count], (float)least};
}

/* ---- what is offered, and what is done */

/* The likelier stands for both of the same words, in the place of the first. */
static void offer(edgernn_keyboard *k, uint32_t *count, edgernn_offer one) {
  const uint32_t last = k->now->run_count - 1u;
  const edgernn_reading *const from = grown(k, one.from);
  for (uint32_t i = 0; i < *count; ++i) {
    edgernn_offer *const other = &k->offers[i];
    if (!same_held(k, last, one.held, other->held)) continue;
    if (alike(k, from, grown(k, other->from)) <= last) continue;
    if (one.key > other->key) *other = one;
    return;
  }
  k->offers[(*count)++] = one;
}

static void finish(edgernn_keyboard *k, uint32_t *count, edgernn_offer one) {
  for (uint32_t i = 0; i < *count; ++i) {
    edgernn_offer *const other = &k->done[i];
    if (alike(k, grown(k, one.from), grown(k, other->from)) < k->now->run_count) continue;
    if (one.key > other->key) *other = one;
    return;
  }
  k->done[(*count)++] = one;
}

/* The best of them within the margin, as many as the beam takes, to the front; equal ones in
 * order. */
static uint32_t choose(const edgernn_keyboard *k, edgernn_offer *some, uint32_t count) {
  uint32_t at = 0;
  for (; at < count && at < k->options.beam; ++at) {
    uint32_t best = at;
    for (uint32_t i = at + 1u; i < count; ++i) {
      if (some[i].key > some[best].key) best = i;
    }
    if (some[best].key < some[0].key - k->options.margin) break;
    const edgernn_offer chosen = some[best];
    for (; best > at; --best) some[best] = some[best - 1u];
    some[at] = chosen;
  }
  return at;
}

/* The best of those that are done, less the margin. */
static float bar_of(const edgernn_keyboard *k, uint32_t done) {
  float best = -3.40282347e38f;
  for (uint32_t i = 0; i < done; ++i) best = k->done[i].key > best ? k->done[i].key : best;
  return best - k->options.margin;
}

/* Whether as many likelier readings are done as the beam takes: behind the first word no score
 * rises and no edit is undone, so that nothing that grows from here will be among them. */
static int is_lost(const edgernn_keyboard *k, const edgernn_reading *one, uint32_t done) {
  uint32_t better = 0;
  for (uint32_t i = 0; i < done; ++i) better += k->done[i].key > one->score;
  return better >= k->options.beam;
}

/* With this word, told so many nats. */
static void offer_word(edgernn_keyboard *k, uint32_t from, edgernn_held held, float nats,
                       uint32_t *count) {
  const uint32_t last = k->now->run_count - 1u;
  edgernn_reading *const one = grown(k, from);
  const float score = one->score + nats;
  one->words[last][one->counts[last]] = held;
  const float least = edits_of(k, one, one->counts[last] + 1u).least;
  offer(k, count, (edgernn_offer){score, score - k->model->slip * least, from, held});
}

/* The last run as it was typed: it has a label of its own, or none. */
static void offer_typed(edgernn_keyboard *k, uint32_t from, const edgernn_answer *its,
                        uint32_t *count) {
  const float score = grown(k, from)->score + (its->more + its->sought);
  const edgernn_held held = {k->sought, AS_TYPED};
  offer(k, count, (edgernn_offer){score, score, from, held});
}

/* Of a word in k->near, beside what the network gives to a word without a label. */
static float nats_of(const edgernn_keyboard *k, edgernn_held held) {
  if (held.own == AS_TYPED) return -k->strange;
  return held.own && held.own < AS_TYPED ? k->own[held.own - 1u].worth : -k->model->listed;
}

/* What the last run may hold next: as the first word one of k->near; labels. */
static void offer_words(edgernn_keyboard *k, uint32_t from, const edgernn_answer *its, int first,
                        uint32_t *count) {
  const float base = its->more + its->typed;
  for (uint32_t i = 0; first && i < k->near_count; ++i) {
    offer_word(k, from, k->near[i], base + nats_of(k, k->near[i]), count);
  }
  for (uint32_t i = 0; i < its->count && i < POOL; ++i) {
    const edgernn_held held = {its->labels[i], 0};
    offer_word(k, from, held, its->more + its->chances[i], count);
  }
}

/* The best offers are the next generation. */
static uint32_t grow(edgernn_keyboard *k, uint32_t offers, uint32_t to) {
  const uint32_t last = k->now->run_count - 1u;
  const uint32_t count = choose(k, k->offers, offers);
  for (uint32_t i = 0; i < count; ++i) {
    const edgernn_offer *const chosen = &k->offers[i];
    edgernn_reading *const one = grown(k, to + i);
    copy_bytes(one, grown(k, chosen->from), k->reading_bytes);
    one->score = chosen->score;
    one->words[last][one->counts[last]++] = chosen->held;
    tell(k, one, chosen->held.label);
  }
  return count;
}

/* ---- the end of a run */

/* Its last runs are held as they were typed if more than so many have no word. */
static void hold_firm(edgernn_reading *one, uint32_t runs, uint32_t most) {
  uint32_t count = runs;
  while (count && !one->counts[count - 1u]) --count;
  if (runs - count <= most) return;
  for (; count < runs; ++count) {
    one->counts[count] = 1;
    one->words[count][0] = (edgernn_held){TYPED, AS_TYPED};
  }
}

/* Whether no letters are lost: runs without a word are part of a later word as long. */
static int is_whole(const edgernn_keyboard *k, const edgernn_reading *one) {
  uint32_t waiting = 0;
  for (uint32_t run = 0; run < k->now->run_count; ++run) {
    const uint32_t letters = edgernn_characters(edgernn_core_of(k, run));
    if (!one->counts[run]) {
      waiting += letters;
      continue;
    }
    uint32_t length = 0;
    for (uint32_t i = 0; i < one->counts[run]; ++i) {
      length += edgernn_characters(edgernn_held_text(k, run, one->words[run][i]));
    }
    if (waiting && length + SPARE < waiting + letters) return 0;
    waiting = 0;
  }
  return 1;
}

/* A reading of the last run without more words. */
static void end_reading(edgernn_keyboard *k, uint32_t from, float end, int fixed, uint32_t *done) {
  const edgernn_keyboard_model *m = k->model;
  const uint32_t last = k->now->run_count - 1u;
  const edgernn_reading *const one = grown(k, from);
  const uint32_t words = one->counts[last];
  float score = one->score + end;
  if (!is_whole(k, one)) return;
  if (words && !fixed) score -= m->slip * edits_of(k, one, words).all;
  finish(k, done,
         (edgernn_offer){score, words ? score : score - k->strange, from, {TYPED, AS_TYPED}});
}

/* k->done are the best readings of the last run; how many. */
static uint32_t read_last(edgernn_keyboard *k, int fixed) {
  const uint32_t beam = k->options.beam, last = k->now->run_count - 1u;
  uint32_t done = 0, count = k->now->count;
  for (uint32_t words = 0; count; ++words) {
    const float bar = bar_of(k, done);
    uint32_t offers = 0;
    for (uint32_t from = words * beam; from < words * beam + count; ++from) {
      const edgernn_reading *const one = grown(k, from);
      if (words && (one->score < bar || is_lost(k, one, done))) continue;
      const edgernn_answer *const its = edgernn_ask(k, edgernn_vector(one));
      if (words || !fixed) end_reading(k, from, its->end, fixed, &done);
      if (fixed && !words) offer_typed(k, from, its, &offers);
      if (fixed || words == MOST) continue;
      if (!words || one->words[last][words - 1u].label != TYPED) {
        offer_words(k, from, its, !words, &offers);
      }
    }
    count = grow(k, offers, (words + 1u) * beam);
  }
  return choose(k, k->done, done);
}

/* The readings that are done are those of now, but for those of other old words. Gives how many
 * runs all of them agree on. */
static uint32_t settle(edgernn_keyboard *k, uint32_t done) {
  edgernn_moment *const m = k->now;
  const edgernn_reading *const best = grown(k, k->done[0].from);
  const uint32_t runs = m->run_count, old = runs > LAG ? runs - LAG : 0u;
  uint32_t sure = runs;
  m->count = 0;
  for (uint32_t i = 0; i < done; ++i) {
    const edgernn_reading *const one = grown(k, k->done[i].from);
    const uint32_t same = alike(k, best, one);
    if (same < old) continue;
    if (same < sure) sure = same;
    edgernn_reading *const to = edgernn_reading_at(k, m, m->count++);
    copy_bytes(to, one, k->reading_bytes);
    to->score = k->done[i].score - k->done[0].score;
  }
  while (sure && !best->counts[sure - 1u]) --sure; /* a run without a word waits for the next */
  return sure;
}

uint32_t edgernn_readings_close(edgernn_keyboard *k, int fixed) {
  const uint32_t last = k->now->run_count - 1u;
  const edgernn_text core = edgernn_core_of(k, last);
  k->strange = strange(k, last);
  if (!fixed) {
    k->near[0] = (edgernn_held){TYPED, AS_TYPED};
    k->near_count = 1u + edgernn_near(k, core, k->near + 1);
    k->near_count += edgernn_spelled(k->model, core, k->near + k->near_count);
  }
  for (uint32_t i = 0; i < k->now->count; ++i) {
    copy_bytes(grown(k, i), edgernn_reading_at(k, k->now, i), k->reading_bytes);
    hold_firm(grown(k, i), last, fixed ? 0u : MOST);
    grown(k, i)->counts[last] = 0;
  }
  return settle(k, read_last(k, fixed));
}

void edgernn_readings_drop(edgernn_keyboard *k, uint32_t count) {
  edgernn_moment *const m = k->now;
  const uint32_t cut = count < m->run_count ? m->runs[count].start : m->typing;
  m->run_count -= count;
  m->typing -= cut;
  m->bytes -= cut;
  copy_bytes(m->typed, m->typed + cut, m->bytes + 1u);
  for (uint32_t i = 0; i < m->run_count; ++i) {
    const edgernn_run one = m->runs[i + count];
    m->runs[i] = (edgernn_run){(uint16_t)(one.start - cut), (uint16_t)(one.core - cut),
                               (uint16_t)(one.rest - cut), (uint16_t)(one.end - cut), one.first};
  }
  for (uint32_t i = 0; i < m->count; ++i) {
    edgernn_reading *const one = edgernn_reading_at(k, m, i);
    copy_bytes(one->counts, one->counts + count, m->run_count);
    copy_bytes(one->words, one->words + count, m->run_count * (uint32_t)sizeof *one->words);
  }
}
