/* What is saved of a keyboard: the user's words, and every moment that can be gone back to.
 *
 * What a later keystroke relies on is checked: texts are UTF-8 without zeros, runs lie one behind
 * the other, and a held word is one that there is.
 */
#include "keyboard_saved.h"

#include "keyboard_inner.h"
#include "saved.h"

/* back: keystrokes that can be taken back, of those saved at most. */
typedef struct {
  edgernn_keyboard *k;
  uint32_t back;
} parts;

#define RUNS (EDGERNN_KEYBOARD_RUNS - 1u) /* with room for the one that is open */

static uint32_t floats(uint32_t count) { return count * (uint32_t)sizeof(float); }

static void walk_float(edgernn_walk *w, float *own) { edgernn_walk_bytes(w, own, sizeof *own); }

/* ---- texts */

static int is_text(const char *at, uint32_t bytes) {
  const char *const end = at + bytes;
  while (at && at < end) {
    const uint32_t c = edgernn_next(&at, end);
    if (!c || c == 0xffffffffu) return 0;
  }
  return 1;
}

/* With a zero behind it. */
static const char *walk_text(edgernn_walk *w, char *own, uint32_t bytes) {
  const char *const text = edgernn_walk_bytes(w, own, bytes);
  edgernn_walk_need(w, is_text(text, bytes));
  if (w->way == EDGERNN_READS) own[bytes] = 0;
  return text;
}

/* Whether a character begins at a place of a text, or it ends there. */
static int begins(const char *text, uint32_t place, uint32_t bytes) {
  return !text || place == bytes || ((unsigned char)text[place] & 0xc0u) != 0x80u;
}

static void walk_own(edgernn_walk *w, edgernn_own_word *one) {
  walk_float(w, &one->worth);
  edgernn_walk_byte(w, &one->kept, 0, 1);
  const uint32_t bytes = edgernn_walk_byte(w, &one->bytes, 1, EDGERNN_KEYBOARD_LABEL);
  walk_text(w, one->text, bytes);
}

/* ---- held words */

/* Whether a further word begins there. */
static int is_further(const edgernn_keyboard_model *m, uint32_t at) {
  return at < m->further_starts[m->further_letters] && (!at || !m->further[at - 1u]);
}

/* own_count: own words that there are. as_typed: it may be the run itself. */
static void walk_held(edgernn_walk *w, const edgernn_keyboard *k, edgernn_held *held,
                      uint32_t own_count, int as_typed) {
  edgernn_walk_word(w, &held->label, 0, k->model->labels - 1u);
  const uint32_t own = edgernn_walk_word(w, &held->own, 0, EDGERNN_ANY);
  if (own >= EDGERNN_FURTHER)
    edgernn_walk_need(w, is_further(k->model, own - EDGERNN_FURTHER));
  else
    edgernn_walk_need(w, own <= own_count || (own == EDGERNN_AS_TYPED && as_typed));
}

static void walk_reading(edgernn_walk *w, const edgernn_keyboard *k, edgernn_reading *one,
                         uint32_t runs, uint32_t own_count) {
  walk_float(w, &one->score);
  for (uint32_t run = 0; run < runs; ++run) {
    const uint32_t count = edgernn_walk_byte(w, &one->counts[run], 0, EDGERNN_KEYBOARD_MOST);
    for (uint32_t i = 0; i < count; ++i)
      walk_held(w, k, &one->words[run][i], own_count, count == 1u);
  }
  edgernn_walk_bytes(w, edgernn_vector(one), floats(k->model->past));
  edgernn_walk_bytes(w, edgernn_history_state(k, one), k->model->history.state_bytes);
}

/* ---- moments */

/* Where a run begins and ends follows from what was typed, but for the spaces between them. */
static void walk_run(edgernn_walk *w, edgernn_moment *m, edgernn_run *one, const char *text,
                     uint32_t *from, uint32_t typing) {
  const uint32_t start = edgernn_walk_half(w, &one->start, *from, typing);
  const uint32_t end = edgernn_walk_half(w, &one->end, start, typing);
  const uint32_t first = edgernn_walk_half(w, &one->first, 0, 1);
  edgernn_walk_need(w, begins(text, start, typing) && begins(text, end, typing));
  *from = end;
  if (w->way != EDGERNN_READS) return;
  *one = edgernn_parted(m->typed, start, end);
  one->first = (uint16_t)first;
}

static void walk_typed(edgernn_walk *w, edgernn_moment *m, uint32_t runs) {
  uint32_t from = 0;
  const uint32_t bytes = edgernn_walk_word(w, &m->bytes, 0, EDGERNN_KEYBOARD_ROOM);
  const uint32_t typing = edgernn_walk_word(w, &m->typing, 0, bytes);
  const char *const text = walk_text(w, m->typed, bytes);
  edgernn_walk_need(w, begins(text, typing, bytes));
  for (uint32_t run = 0; run < runs; ++run) walk_run(w, m, &m->runs[run], text, &from, typing);
}

static void walk_moment(edgernn_walk *w, const edgernn_keyboard *k, edgernn_moment *m,
                        uint32_t own_count) {
  const edgernn_keyboard_options *const options = &k->options;
  const uint32_t runs = edgernn_walk_word(w, &m->run_count, 0, RUNS);
  walk_typed(w, m, runs);
  uint32_t *const flags[] = {&m->cut, &m->sure, &m->first};
  for (uint32_t i = 0; i < 3u; ++i) edgernn_walk_word(w, flags[i], 0, 1);
  edgernn_walk_word(w, &m->kept, 0, EDGERNN_KEYBOARD_TEXT);
  edgernn_walk_word(w, &m->put, 0, EDGERNN_KEYBOARD_TEXT);
  edgernn_walk_word(w, &m->changed, 0, 1);
  edgernn_walk_word(w, &m->from, 0, EDGERNN_KEYBOARD_TEXT);
  edgernn_walk_word(w, &m->to, 0, EDGERNN_KEYBOARD_TEXT);
  edgernn_walk_word(w, &m->key, 0, 0x10ffffu);
  walk_float(w, &m->dx);
  walk_float(w, &m->dy);
  const uint32_t offered = edgernn_walk_word(w, &m->completion_count, 0, options->suggestions);
  for (uint32_t i = 0; i < offered; ++i) {
    walk_held(w, k, &m->completions[i].held, own_count, 0);
    walk_float(w, &m->completions[i].share);
  }
  edgernn_walk_bytes(w, edgernn_keys_state(m), k->model->keys.state_bytes);
  edgernn_walk_bytes(w, edgernn_words_state(k, m), k->model->words.state_bytes);
  const uint32_t readings = edgernn_walk_word(w, &m->count, 1, options->beam);
  for (uint32_t i = 0; i < readings; ++i)
    walk_reading(w, k, edgernn_reading_at(k, m, i), runs, own_count);
}

/* From the first moment that can be gone back to; where it is read they begin the ring. */
static void walk(edgernn_walk *w, void *over) {
  const parts *const p = over;
  edgernn_keyboard *const k = p->k;
  const edgernn_keyboard_options *const options = &k->options;
  const uint32_t same[] = {options->beam, options->suggestions, options->back, options->own};
  const uint32_t moments = options->back + 1u;
  for (uint32_t i = 0; i < sizeof same / sizeof *same; ++i) edgernn_walk_same(w, same[i]);
  const uint32_t own_count = edgernn_walk_word(w, &k->own_count, 0, options->own);
  for (uint32_t i = 0; i < own_count; ++i) walk_own(w, &k->own[i]);
  uint32_t past = k->past < p->back ? k->past : p->back;
  past = edgernn_walk_word(w, &past, 0, options->back);
  if (w->way == EDGERNN_READS) k->at = k->past = past;
  for (uint32_t i = 0; i <= past; ++i) {
    const uint32_t at = (k->at + moments - past + i) % moments;
    walk_moment(w, k, edgernn_moment_at(k, at), own_count);
  }
  if (w->way == EDGERNN_READS) k->now = edgernn_moment_at(k, past);
}

static parts parts_of(const edgernn_keyboard *k, uint32_t back) {
  return (parts){(edgernn_keyboard *)k, back};
}

uint32_t edgernn_keyboard_saved_bytes(const edgernn_keyboard *k, uint32_t back) {
  parts all = parts_of(k, back);
  return edgernn_saved_bytes(walk, &all);
}

int edgernn_keyboard_save(const edgernn_keyboard *k, const edgernn_model *model, uint32_t back,
                          void *saved, uint32_t bytes) {
  parts all = parts_of(k, back);
  if (model->loop != k->model) return EDGERNN_OTHER_MODEL;
  return edgernn_saved_write(model, EDGERNN_SAVED_LOOP, walk, &all, saved, bytes);
}

int edgernn_keyboard_restore(edgernn_keyboard *k, const edgernn_model *model, const void *saved,
                             uint32_t bytes) {
  parts all = parts_of(k, 0);
  if (model->loop != k->model) return EDGERNN_OTHER_MODEL;
  return edgernn_saved_read(model, EDGERNN_SAVED_LOOP, walk, &all, saved, bytes);
}
