/* A text that is being typed: keystrokes through the steps, and what is shown of them.
 *
 * The twin of edgernn/keyboard/decode.py.
 */
#include "keyboard.h"

#include "keyboard_inner.h"
#include "loop_search.h"

#define ROOM EDGERNN_KEYBOARD_ROOM
#define FARTHEST EDGERNN_KEYBOARD_FARTHEST
#define LONGEST EDGERNN_KEYBOARD_LONGEST
#define NO_CHARACTER 0xffffffffu /* what is no UTF-8 */
#define REPLACEMENT 0xfffdu /* what no character is read as */

/* ---- memory */

static uint32_t scratch_bytes(const edgernn_keyboard_model *m) {
  return EDGERNN_ROOM(
      larger(m->keys.scratch_bytes, larger(m->history.scratch_bytes, m->words.scratch_bytes)));
}

static uint32_t keys_bytes(const edgernn_keyboard_model *m) {
  return EDGERNN_ROOM(m->keys.state_bytes) + EDGERNN_ROOM(m->words.state_bytes);
}

static uint32_t history_bytes(const edgernn_keyboard_model *m) {
  return floats(m->past) + EDGERNN_ROOM(m->history.state_bytes);
}

uint32_t edgernn_keyboard_bytes(const edgernn_keyboard_model *m,
                                const edgernn_keyboard_options *options) {
  const uint32_t once = scratch_bytes(m) + EDGERNN_ROOM(m->words.state_bytes) + floats(m->inputs) +
                        floats(m->pressed + m->past) + floats(m->labels);
  return EDGERNN_KEYBOARD_BYTES(options->beam, options->suggestions, options->back, options->own,
                                once, keys_bytes(m), history_bytes(m), floats(m->past));
}

static int cannot_be(const edgernn_keyboard_options *options) {
  return !options->beam || options->beam > EDGERNN_KEYBOARD_MOST_BEAM || !options->suggestions ||
         options->suggestions > EDGERNN_KEYBOARD_MOST_SUGGESTIONS || !options->back ||
         options->own > EDGERNN_KEYBOARD_MOST_OWN;
}

int edgernn_keyboard_init(edgernn_keyboard *k, const edgernn_keyboard_model *m,
                          const edgernn_keyboard_options *options, void *memory, uint32_t bytes) {
  const uint32_t beam = options->beam, suggestions = options->suggestions;
  const uint32_t grown = EDGERNN_KEYBOARD_GROWN(beam), offers = EDGERNN_KEYBOARD_OFFERS(beam);
  if (cannot_be(options) || ((uintptr_t)memory & 15u)) return -1;
  if (bytes < edgernn_keyboard_bytes(m, options)) return -1;
  unsigned char *at = memory;
  k->model = m;
  k->options = *options;
  if (!(k->options.margin > 0.0f)) k->options.margin = 3.40282347e38f;
  k->reading_bytes = EDGERNN_KEYBOARD_READING(history_bytes(m));
  k->moment_bytes = EDGERNN_KEYBOARD_MOMENT(beam, keys_bytes(m), history_bytes(m));
  k->answer_bytes = EDGERNN_ROOM(sizeof(edgernn_answer)) + floats(m->past);
  k->moments = take(&at, (options->back + 1u) * k->moment_bytes);
  k->grown = take(&at, grown * k->reading_bytes);
  k->answers = take(&at, EDGERNN_KEYBOARD_ANSWERS(beam) * k->answer_bytes);
  k->offers = take(&at, offers * (uint32_t)sizeof *k->offers);
  k->done = take(&at, grown * (uint32_t)sizeof *k->done);
  k->own = take(&at, options->own * (uint32_t)sizeof *k->own);
  k->guesses = take(&at, (suggestions + beam) * (uint32_t)sizeof *k->guesses);
  k->old_text = take(&at, EDGERNN_KEYBOARD_TEXT);
  k->text = take(&at, EDGERNN_KEYBOARD_TEXT);
  k->before = take(&at, EDGERNN_KEYBOARD_TEXT);
  k->after = take(&at, EDGERNN_KEYBOARD_TEXT);
  k->accepted = take(&at, EDGERNN_KEYBOARD_TEXT);
  k->undone = take(&at, EDGERNN_KEYBOARD_UNDONE(options->back));
  k->said = take(&at, EDGERNN_KEYBOARD_WORDS(suggestions) + beam * EDGERNN_KEYBOARD_WAY);
  k->scratch = take(&at, scratch_bytes(m));
  k->asked = take(&at, m->words.state_bytes);
  k->row = take(&at, floats(m->inputs));
  k->both = take(&at, floats(m->pressed + m->past));
  k->logits = take(&at, floats(m->labels));
  k->own_count = 0;
  edgernn_keyboard_begin(k);
  return 0;
}

/* ---- moments */

edgernn_moment *edgernn_moment_at(const edgernn_keyboard *k, uint32_t at) {
  return (edgernn_moment *)(k->moments + at * k->moment_bytes);
}

void *edgernn_keys_state(const edgernn_moment *m) {
  return (unsigned char *)m + EDGERNN_ROOM(sizeof *m);
}

void *edgernn_words_state(const edgernn_keyboard *k, const edgernn_moment *m) {
  return (unsigned char *)edgernn_keys_state(m) + EDGERNN_ROOM(k->model->keys.state_bytes);
}

void *edgernn_history_state(const edgernn_keyboard *k, const edgernn_reading *one) {
  return (unsigned char *)edgernn_vector(one) + floats(k->model->past);
}

/* Before a sentence, behind the text as it stands. */
static void begin_anew(edgernn_keyboard *k) {
  edgernn_moment *const m = k->now;
  k->model->keys.reset(edgernn_keys_state(m));
  k->model->words.reset(edgernn_words_state(k, m));
  m->run_count = m->typing = m->bytes = m->cut = m->sure = 0;
  m->typed[0] = 0;
  m->first = !k->options.no_capitals;
  edgernn_offer_first(k);
  m->kept = m->put = m->changed = m->from = m->to = 0;
  edgernn_readings_begin(k);
}

void edgernn_keyboard_begin(edgernn_keyboard *k) {
  k->at = k->past = 0;
  k->now = edgernn_moment_at(k, 0);
  k->now->key = 0;
  k->now->dx = k->now->dy = 0.0f;
  begin_anew(k);
}

/* The next moment begins as a copy of this one, which can be gone back to. */
static void go_on(edgernn_keyboard *k) {
  k->earlier = k->now;
  k->at = k->at == k->options.back ? 0u : k->at + 1u;
  k->now = edgernn_moment_at(k, k->at);
  copy_bytes(k->now, k->earlier, k->moment_bytes);
  if (k->past < k->options.back) ++k->past;
}

static void append(edgernn_moment *m, uint32_t c) {
  m->bytes = (uint32_t)(edgernn_put(m->typed + m->bytes, c) - m->typed);
  m->typed[m->bytes] = 0;
}

/* If a character would be one too many, what is in question stays as it is read now. */
static int make_room(edgernn_keyboard *k, uint32_t c) {
  char bytes[4];
  edgernn_moment *const m = k->now;
  edgernn_reading *const best = edgernn_reading_at(k, m, 0);
  if (m->bytes + (uint32_t)(edgernn_put(bytes, c) - bytes) <= ROOM) return 0;
  m->cut = m->cut || m->bytes > m->typing;
  m->run_count = m->typing = m->bytes = m->first = 0;
  m->typed[0] = 0;
  m->count = 1;
  best->score = 0.0f;
  return 1;
}

/* ---- the steps */

static int same_floats(const float *a, const float *b, uint32_t count) {
  const uint32_t *x = (const uint32_t *)(const void *)a, *y = (const uint32_t *)(const void *)b;
  while (count--) {
    if (*x++ != *y++) return 0;
  }
  return 1;
}

static const edgernn_answer *told(edgernn_keyboard *k, const float *vector, void *words) {
  const edgernn_keyboard_model *m = k->model;
  edgernn_answer *const its = (edgernn_answer *)(k->answers + k->answer_count++ * k->answer_bytes);
  copy_floats((float *)((unsigned char *)its + EDGERNN_ROOM(sizeof *its)), vector, m->past);
  copy_floats(k->both + m->pressed, vector, m->past);
  m->words.step(words, k->scratch, k->both, k->logits);
  its->more = log_sigmoid(-k->logits[m->labels - 1u]);
  its->end = log_sigmoid(k->logits[m->labels - 1u]);
  log_softmax(k->logits, m->labels - 1u);
  its->typed = k->logits[0];
  its->sought = k->logits[k->sought];
  its->count = likeliest(k->logits, m->labels - 1u, EDGERNN_KEYBOARD_POOL, its->labels);
  for (uint32_t i = 0; i < its->count; ++i) its->chances[i] = k->logits[its->labels[i]];
  return its;
}

const edgernn_answer *edgernn_ask(edgernn_keyboard *k, const float *vector) {
  for (uint32_t i = 0; i < k->answer_count; ++i) {
    const unsigned char *const one = k->answers + i * k->answer_bytes;
    const float *const asked = (const float *)(one + EDGERNN_ROOM(sizeof(edgernn_answer)));
    if (same_floats(asked, vector, k->model->past)) return (const edgernn_answer *)one;
  }
  copy_bytes(k->asked, edgernn_words_state(k, k->earlier), k->model->words.state_bytes);
  return told(k, vector, k->asked);
}

/* What is no number is taken to be in the middle of the key. */
static float within(float offset) {
  if (offset > FARTHEST) return FARTHEST;
  if (offset < -FARTHEST) return -FARTHEST;
  return offset == offset ? offset : 0.0f;
}

/* Step through the keystroke; what `words` carries on is the same whatever it is asked. */
static void hear(edgernn_keyboard *k, uint32_t c, float dx, float dy) {
  const edgernn_keyboard_model *m = k->model;
  float *const last = k->row + m->inputs - 3u;
  for (uint32_t i = 0; i < m->inputs; ++i) k->row[i] = 0.0f;
  k->row[edgernn_place(m, c)] = 1.0f;
  last[0] = edgernn_lower(c) != c ? 1.0f : 0.0f;
  last[1] = within(dx);
  last[2] = within(dy);
  m->keys.step(edgernn_keys_state(k->now), k->scratch, k->row, k->both);
  k->answer_count = 0;
  told(k, edgernn_vector(edgernn_reading_at(k, k->now, 0)), edgernn_words_state(k, k->now));
}

/* ---- keystrokes */

/* The open run ends here. */
static void end_run(edgernn_keyboard *k) {
  edgernn_moment *const m = k->now;
  const edgernn_run run = edgernn_parted(m->typed, m->typing, m->bytes);
  m->runs[m->run_count] = run;
  m->runs[m->run_count++].first = (uint16_t)m->first;
  m->typing = m->bytes;
  m->cut = m->sure = 0;
  m->first = !k->options.no_capitals && edgernn_ends_sentence(m->typed, run);
}

/* Whether the open run is held as it was typed. */
static int is_fixed(const edgernn_keyboard *k) {
  const edgernn_moment *const m = k->now;
  const edgernn_text core = edgernn_open_core(m);
  return m->cut || m->sure || edgernn_is_kept(k, core) || !edgernn_correctable(k->model, core);
}

/* Put down a space and drop the runs that are settled; `to` is where the text in question is
 * written to. Gives its end. */
static char *take_space(edgernn_keyboard *k, uint32_t c, uint32_t settled, char *to) {
  edgernn_moment *const m = k->now;
  if (m->run_count) {
    append(m, c);
    m->typing = m->bytes;
  }
  to = edgernn_write_all(k, edgernn_reading_at(k, m, 0), to);
  if (!m->run_count) to = edgernn_put(to, c);
  edgernn_readings_drop(k, settled);
  if (c == EDGERNN_ENTER) begin_anew(k);
  return to;
}

/* A keystroke that ends a run, if there is one; as above. */
static char *hear_space(edgernn_keyboard *k, uint32_t c, float dx, float dy, char *to) {
  edgernn_moment *const m = k->now;
  const int ends = m->cut || m->bytes > m->typing, fixed = ends && is_fixed(k);
  uint32_t settled = 0;
  if (fixed) k->sought = edgernn_label_of(k->model, edgernn_open_core(m));
  hear(k, c, dx, dy);
  if (ends) {
    end_run(k);
    settled = edgernn_readings_close(k, fixed);
    edgernn_show_ways(k);
  }
  return take_space(k, c, settled, to);
}

const edgernn_shown *edgernn_keyboard_push(edgernn_keyboard *k, uint32_t c, float dx, float dy) {
  if (!c || c > 0x10ffffu || (c >= 0xd800u && c < 0xe000u)) c = REPLACEMENT;
  const char *old_end = edgernn_write_all(k, edgernn_reading_at(k, k->now, 0), k->old_text);
  edgernn_text old = {k->old_text, (uint32_t)(old_end - k->old_text)};
  const uint32_t typing = k->now->bytes - k->now->typing;
  char *to = k->text;
  edgernn_show_nothing(k);
  go_on(k);
  k->now->key = c;
  k->now->dx = dx;
  k->now->dy = dy;
  k->sought = 0;
  if (make_room(k, c)) to = edgernn_put_text(to, old);
  if (edgernn_is_space(c)) {
    to = hear_space(k, c, dx, dy, to);
  } else {
    hear(k, c, dx, dy);
    append(k->now, c);
    k->now->sure = 0;
    to = edgernn_write_all(k, edgernn_reading_at(k, k->now, 0), to);
  }
  *to = 0;
  const edgernn_text text = {k->text, (uint32_t)(to - k->text)};
  edgernn_show_text(k, old, text);
  old_end = edgernn_put(k->old_text + old.bytes, c);
  edgernn_note_change(k->earlier, (edgernn_text){k->old_text, (uint32_t)(old_end - k->old_text)},
                      text);
  if (c != EDGERNN_ENTER) edgernn_complete(k);
  edgernn_show_open(k);
  if (k->shown.reading_count) {
    old.bytes -= typing;
    edgernn_show_revised(k, old, text);
  }
  return &k->shown;
}

/* ---- what is taken back */

static int ends_with_space(const char *text, const char *end) {
  if (end == text) return 1;
  const char *at = edgernn_step_back(text, end);
  return edgernn_is_space(edgernn_next(&at, end));
}

/* Behind a text; the run at its end is typed anew, so that it can go on. Of one of more than
 * LONGEST characters, which is not corrected, the beginning is settled. */
static void retype(edgernn_keyboard *k, const char *text, const char *end) {
  const char *start = end;
  for (uint32_t i = 0; i < LONGEST && !ends_with_space(text, start); ++i) {
    start = edgernn_step_back(text, start);
  }
  edgernn_keyboard_begin(k);
  k->now->cut = !ends_with_space(text, start);
  if (start != text && start[-1] != EDGERNN_ENTER) k->now->first = k->now->completion_count = 0;
  while (start < end) edgernn_keyboard_push(k, edgernn_next(&start, end), 0.0f, 0.0f);
}

const edgernn_shown *edgernn_keyboard_back(edgernn_keyboard *k, const char *before) {
  uint32_t erased;
  const char *put = "";
  if (k->past) {
    --k->past;
    k->at = k->at ? k->at - 1u : k->options.back;
    k->now = edgernn_moment_at(k, k->at);
    *edgernn_write_all(k, edgernn_reading_at(k, k->now, 0), k->text) = 0;
    const char *const end = k->text + edgernn_whole_text(k->text).bytes;
    put = k->text;
    for (uint32_t i = 0; i < k->now->kept && put < end; ++i) edgernn_next(&put, end);
    erased = k->now->put;
  } else {
    const char *const end = before + edgernn_whole_text(before).bytes;
    erased = end > before;
    retype(k, before, erased ? edgernn_step_back(before, end) : end);
  }
  edgernn_keyboard_shown(k);
  k->shown.erased = erased;
  k->shown.put = put;
  return &k->shown;
}

const edgernn_shown *edgernn_keyboard_shown(edgernn_keyboard *k) {
  edgernn_show_nothing(k);
  edgernn_show_open(k);
  return &k->shown;
}

/* ---- what is put in the place of what was typed */

static int is_word(edgernn_text text) {
  const char *const end = text.at + text.bytes;
  if (!text.bytes || text.bytes > EDGERNN_KEYBOARD_LABEL) return 0;
  while (text.at < end) {
    const uint32_t c = edgernn_next(&text.at, end);
    if (c == NO_CHARACTER || edgernn_is_space(c)) return 0;
  }
  return 1;
}

/* Before the open run. Gives how many characters it has. */
static uint32_t reopen(edgernn_keyboard *k) {
  const edgernn_moment *const m = k->now;
  const uint32_t moments = k->options.back + 1u, cut = m->cut, first = m->first;
  const uint32_t count = edgernn_characters(edgernn_between(m, m->typing, m->bytes));
  if (count > k->past) {
    edgernn_keyboard_begin(k);
    k->now->cut = cut;
    k->now->first = first;
  } else {
    k->past -= count;
    k->at = (k->at + moments - count) % moments;
    k->now = edgernn_moment_at(k, k->at);
  }
  return count;
}

const edgernn_shown *edgernn_keyboard_accept(edgernn_keyboard *k, const char *word) {
  const edgernn_moment *const m = k->now;
  const edgernn_run open = edgernn_parted(m->typed, m->typing, m->bytes);
  const edgernn_text accepted = edgernn_whole_text(word);
  char *to = k->accepted;
  if (!is_word(accepted)) return 0;
  to = edgernn_put_text(to, edgernn_between(m, open.start, open.core));
  to = edgernn_put_text(to, accepted);
  to = edgernn_put_text(to, edgernn_between(m, open.rest, open.end));
  const edgernn_text typed = {k->accepted, (uint32_t)(to - k->accepted)};
  const char *at = typed.at, *const end = typed.at + typed.bytes;
  const uint32_t erased = reopen(k), count = edgernn_characters(typed);
  while (at < end) edgernn_keyboard_push(k, edgernn_next(&at, end), 0.0f, 0.0f);
  k->now->sure = 1;
  edgernn_keyboard_push(k, ' ', 0.0f, 0.0f);
  if (k->shown.erased > count) {
    k->shown.erased += erased - count;
    return &k->shown;
  }
  at = typed.at;
  for (uint32_t left = count - k->shown.erased; left; --left) edgernn_next(&at, end);
  *edgernn_put_text(k->accepted + (at - typed.at), edgernn_whole_text(k->shown.put)) = 0;
  k->shown.erased = erased;
  k->shown.put = k->accepted;
  return &k->shown;
}
