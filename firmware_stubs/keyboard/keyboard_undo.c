/* What a keystroke changed, and how a correction is taken back: what came since is typed anew.
 *
 * The twin of edgernn/keyboard/changes.py and of `undo` in edgernn/keyboard/decode.py.
 */
#include "keyboard_inner.h"
#include "loop_search.h"

#define TEXT EDGERNN_KEYBOARD_TEXT

/* ---- what was changed */

/* The last word of a text up to a place, which moves before it; of no bytes at its beginning. */
static edgernn_text word_before(const char *text, const char **at) {
  edgernn_text word = {*at, 0};
  while (*at > text) {
    const char *const before = edgernn_step_back(text, *at), *place = before;
    const int is_space = edgernn_is_space(edgernn_next(&place, *at));
    if (is_space && word.bytes) break;
    *at = before;
    word = (edgernn_text){before, is_space ? 0u : word.bytes + (uint32_t)(place - before)};
  }
  return word;
}

void edgernn_note_change(edgernn_moment *earlier, edgernn_text was, edgernn_text text) {
  const char *old = was.at, *const old_end = old + was.bytes, *old_back = old_end;
  const char *now = text.at, *const now_end = now + text.bytes, *now_back = now_end;
  edgernn_text one, other;
  earlier->changed = !edgernn_same_text(was, text);
  earlier->from = earlier->to = 0;
  if (!earlier->changed) return;
  do {
    one = edgernn_next_word(&old, old_end);
    other = edgernn_next_word(&now, now_end);
  } while (one.bytes && other.bytes && edgernn_same_text(one, other));
  const char *const first = one.at, *const other_first = other.at;
  do {
    one = word_before(first, &old_back);
    other = word_before(other_first, &now_back);
  } while (one.bytes && other.bytes && edgernn_same_text(one, other));
  earlier->from = (uint32_t)(first - was.at);
  earlier->to = (uint32_t)(one.at - was.at) + one.bytes;
}

/* ---- how it is taken back */

static edgernn_moment *moment_before(const edgernn_keyboard *k, uint32_t steps) {
  const uint32_t moments = k->options.back + 1u;
  return edgernn_moment_at(k, (k->at + moments - steps) % moments);
}

/* How many keystrokes ago the last correction was; 0 for none. */
static uint32_t last_change(const edgernn_keyboard *k) {
  for (uint32_t steps = 1; steps <= k->past; ++steps)
    if (moment_before(k, steps)->changed) return steps;
  return 0;
}

/* What is in question at a moment, as it is read there. */
static edgernn_text text_of(edgernn_keyboard *k, edgernn_moment *m, char *to) {
  k->now = m;
  return (edgernn_text){to, (uint32_t)(edgernn_write_all(k, edgernn_reading_at(k, m, 0), to) - to)};
}

/* Of a text that began as what was in question so many keystrokes ago: its characters now, and
 * those at its beginning that stayed all the while. */
typedef struct {
  uint32_t count, stayed;
} extent;

static extent extent_since(edgernn_keyboard *k, uint32_t steps) {
  extent e = {0, 0};
  for (uint32_t left = steps; left; --left) {
    edgernn_moment *const m = moment_before(k, left);
    const uint32_t own = edgernn_characters(text_of(k, m, k->old_text));
    if (left == steps) e.count = e.stayed = own;
    const uint32_t settled = e.count > own ? e.count - own : 0u;
    if (settled + m->kept < e.stayed) e.stayed = settled + m->kept;
    e.count = settled + m->kept + m->put;
  }
  return e;
}

/* Keep the words that were corrected at this moment, as the text with the key behind it has them. */
static void keep_words(edgernn_keyboard *k, const edgernn_moment *m, edgernn_text was) {
  const char *at = was.at + (m->from < was.bytes ? m->from : was.bytes);
  const char *const end = was.at + (m->to < was.bytes ? m->to : was.bytes);
  for (edgernn_text word = edgernn_next_word(&at, end); word.bytes;
       word = edgernn_next_word(&at, end)) {
    const edgernn_run parts = edgernn_parted(word.at, 0, word.bytes);
    if (parts.rest > parts.core)
      edgernn_keep(k, (edgernn_text){word.at + parts.core, (uint32_t)(parts.rest - parts.core)});
  }
}

/* Type so many keystrokes anew behind this moment; gives all that was in question then, with what
 * came behind it. Where room is scarce it stays as it was typed. */
static edgernn_text type_anew(edgernn_keyboard *k, uint32_t keystrokes) {
  const uint32_t moments = k->options.back + 1u, room = EDGERNN_KEYBOARD_UNDONE(k->options.back);
  uint32_t used = 0, sure = 1;
  for (uint32_t left = keystrokes; left; --left) {
    const edgernn_moment *const next = edgernn_moment_at(k, (k->at + 1u) % moments);
    const uint32_t key = next->key, was_sure = next->sure;
    const float dx = next->dx, dy = next->dy;
    if (sure || used + 2u * TEXT + 4u * left > room) k->now->sure = 1;
    edgernn_keyboard_push(k, key, dx, dy);
    sure = was_sure;
    const uint32_t all = edgernn_whole_text(k->text).bytes;
    const uint32_t settled = all - text_of(k, k->now, k->old_text).bytes;
    copy_bytes(k->undone + used, k->text, settled);
    used += settled;
  }
  used += text_of(k, k->now, k->undone + used).bytes;
  k->undone[used] = 0;
  return (edgernn_text){k->undone, used};
}

/* Characters that two texts begin alike with, at most so many; of how many bytes. */
static uint32_t alike(edgernn_text a, edgernn_text b, uint32_t most, uint32_t *bytes) {
  const char *x = a.at, *y = b.at, *const x_end = a.at + a.bytes, *const y_end = b.at + b.bytes;
  uint32_t count = 0;
  for (*bytes = 0; count < most && x < x_end && y < y_end; ++count) {
    if (edgernn_next(&x, x_end) != edgernn_next(&y, y_end)) break;
    *bytes = (uint32_t)(x - a.at);
  }
  return count;
}

const edgernn_shown *edgernn_keyboard_undo(edgernn_keyboard *k) {
  const uint32_t steps = last_change(k), moments = k->options.back + 1u;
  if (!steps) return edgernn_keyboard_shown(k);
  const extent all = extent_since(k, steps);
  const uint32_t key = moment_before(k, steps - 1u)->key;
  edgernn_moment *const m = moment_before(k, steps);
  const edgernn_text old = text_of(k, m, k->accepted);
  char *const end = edgernn_put(k->accepted + old.bytes, key);
  keep_words(k, m, (edgernn_text){old.at, (uint32_t)(end - old.at)});
  k->at = (k->at + moments - steps) % moments;
  k->past -= steps;
  m->count = m->sure = 1;
  const edgernn_text text = type_anew(k, steps);
  uint32_t bytes;
  const uint32_t stays = alike(text, old, all.stayed, &bytes);
  k->shown.erased = all.count - stays;
  k->shown.put = text.at + bytes;
  return &k->shown;
}
