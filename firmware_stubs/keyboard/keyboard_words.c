/* The user's own words, those that are not to be corrected, and listed ones. */
#include "keyboard_inner.h"
#include "loop_search.h"

#define LONGEST EDGERNN_KEYBOARD_LONGEST
#define NEAREST EDGERNN_KEYBOARD_NEAREST
#define SHORT 6u /* characters from which a word may have two slips */

static edgernn_text own_text(const edgernn_own_word *one) {
  return (edgernn_text){one->text, one->bytes};
}

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

const uint16_t *edgernn_edits(const uint32_t *word, uint32_t length, const uint32_t *typed,
                              uint32_t count, uint32_t most, edgernn_rows rows) {
  uint32_t fewest_before = 0;
  uint16_t *last = rows[0], *before = rows[1], *row = rows[2];
  for (uint32_t j = 0; j <= count; ++j) row[j] = (uint16_t)j;
  for (uint32_t i = 1; i <= length; ++i) {
    uint16_t *const next = last;
    last = before;
    before = row;
    row = next;
    row[0] = (uint16_t)i;
    uint32_t fewest_here = i;
    for (uint32_t j = 1; j <= count; ++j) {
      const uint32_t changed = before[j - 1u] + (word[i - 1u] != typed[j - 1u]);
      uint32_t fewest = least(least(row[j - 1u], before[j]) + 1u, changed);
      if (i > 1u && j > 1u && word[i - 1u] == typed[j - 2u] && word[i - 2u] == typed[j - 1u]) {
        fewest = least(fewest, last[j - 2u] + 1u);
      }
      row[j] = (uint16_t)fewest;
      fewest_here = least(fewest_here, fewest);
    }
    if (fewest_here > most && fewest_before >= most) break; /* a swap reaches back by two */
    fewest_before = fewest_here;
  }
  return row;
}

uint32_t edgernn_distance(const uint32_t *word, uint32_t length, const uint32_t *typed,
                          uint32_t count, uint32_t most) {
  edgernn_rows rows;
  if ((length > count ? length - count : count - length) > most) return most + 1u;
  return least(edgernn_edits(word, length, typed, count, most, rows)[count], most + 1u);
}

int edgernn_is_kept(const edgernn_keyboard *k, edgernn_text core) {
  char low[EDGERNN_KEYBOARD_LABEL], *to = low;
  uint32_t characters[LONGEST + 1u];
  const uint32_t count = edgernn_lowered(core, LONGEST + 1u, characters);
  if (count > LONGEST) return 0;
  for (uint32_t i = 0; i < count; ++i) to = edgernn_put(to, characters[i]);
  const edgernn_text typed = {low, (uint32_t)(to - low)};
  for (uint32_t i = 0; i < k->own_count; ++i) {
    if (k->own[i].kept && edgernn_same_text(own_text(&k->own[i]), typed)) return 1;
  }
  return 0;
}

/* Words that a typed one may be, the nearest first. */
typedef struct {
  uint32_t typed[LONGEST + 1u], length, away[NEAREST], count;
  edgernn_held *found;
} nearest;

static nearest nearest_to(edgernn_text core, edgernn_held *found) {
  nearest n = {.found = found};
  n.length = edgernn_lowered(core, LONGEST + 1u, n.typed);
  return n;
}

/* If this word is near enough, and not too many are nearer. */
static void take_near(nearest *n, edgernn_text text, edgernn_held held) {
  uint32_t word[LONGEST + 3u]; /* a longer one is not near */
  const uint32_t length = edgernn_lowered(text, LONGEST + 3u, word);
  const uint32_t most = length < SHORT ? 1u : 2u;
  const uint32_t edits = edgernn_distance(word, length, n->typed, n->length, most);
  uint32_t at = n->count;
  if (edits > most) return;
  while (at && edits < n->away[at - 1u]) --at;
  if (at == NEAREST) return;
  if (n->count < NEAREST) ++n->count;
  for (uint32_t j = n->count - 1u; j > at; --j) {
    n->found[j] = n->found[j - 1u];
    n->away[j] = n->away[j - 1u];
  }
  n->found[at] = held;
  n->away[at] = edits;
}

uint32_t edgernn_near(const edgernn_keyboard *k, edgernn_text core, edgernn_held *found) {
  nearest n = nearest_to(core, found);
  for (uint32_t i = 0; i < k->own_count; ++i) {
    if (!k->own[i].kept) take_near(&n, own_text(&k->own[i]), (edgernn_held){0, i + 1u});
  }
  return n.count;
}

static uint32_t first_of(const char *text) {
  return edgernn_lower(edgernn_next(&text, text + 4)); /* a zero ends it before that */
}

/* The further words of a letter. */
static edgernn_text further_of(const edgernn_keyboard_model *m, uint32_t first) {
  for (uint32_t i = 0; i < m->further_letters; ++i) {
    const uint32_t *const start = m->further_starts + i;
    if (m->further_firsts[i] == first) {
      return (edgernn_text){m->further + start[0], start[1] - start[0]};
    }
  }
  return (edgernn_text){m->further, 0};
}

uint32_t edgernn_spelled(const edgernn_keyboard_model *m, edgernn_text core, edgernn_held *found) {
  const uint32_t label = edgernn_label_of(m, core), first = first_of(core.at);
  const edgernn_text further = further_of(m, first);
  const char *const end = further.at + further.bytes;
  nearest n = nearest_to(core, found);
  found[0] = (edgernn_held){label, 0};
  if (label) return 1;
  for (uint32_t i = 1; i + 1u < m->labels; ++i) {
    const edgernn_text text = edgernn_label_text(m, i);
    if (first_of(text.at) == first) take_near(&n, text, (edgernn_held){i, 0});
  }
  for (const char *at = further.at; at < end;) {
    const edgernn_text text = edgernn_whole_text(at);
    const edgernn_held held = {0, EDGERNN_FURTHER + (uint32_t)(at - m->further)};
    take_near(&n, text, held);
    if (n.count && !n.away[0]) { /* typed so */
      found[0] = held;
      return 1;
    }
    at += text.bytes + 1u;
  }
  return n.count;
}

/* Whether a label or a further word is typed so. */
static int is_listed(const edgernn_keyboard_model *m, edgernn_text word) {
  if (!word.bytes) return 0;
  const edgernn_text further = further_of(m, first_of(word.at));
  const char *const end = further.at + further.bytes;
  if (edgernn_label_of(m, word)) return 1;
  for (const char *at = further.at; at < end;) {
    const edgernn_text text = edgernn_whole_text(at);
    if (edgernn_same_letters(text, word)) return 1;
    at += text.bytes + 1u;
  }
  return 0;
}

int edgernn_is_joined(const edgernn_keyboard_model *m, edgernn_text core) {
  const char *start = core.at, *const end = core.at + core.bytes;
  for (const char *at = start; at < end; ++at) {
    if (*at != '-') continue;
    if (!is_listed(m, (edgernn_text){start, (uint32_t)(at - start)})) return 0;
    start = at + 1;
  }
  const int genitive = end - start > 1 && end[-2] == '\'' && (end[-1] == 's' || end[-1] == 'S');
  if (!genitive && start == core.at) return 0;
  return is_listed(m, (edgernn_text){start, (uint32_t)(end - start) - (genitive ? 2u : 0u)});
}

uint32_t edgernn_begun(const edgernn_keyboard *k, edgernn_text core, uint32_t most, uint16_t *own) {
  uint32_t typed[LONGEST + 1u], word[LONGEST], count = 0;
  const uint32_t length = edgernn_lowered(core, LONGEST + 1u, typed);
  for (uint32_t i = 0; length && i < k->own_count; ++i) {
    uint32_t same = 0;
    if (k->own[i].kept || edgernn_lowered(own_text(&k->own[i]), LONGEST, word) < length) continue;
    while (same < length && typed[same] == word[same]) ++same;
    if (same < length) continue;
    if (count < most) own[count] = (uint16_t)i;
    ++count;
  }
  return count;
}

/* Take a word into the list. -1 if there is no room. */
static int taken(edgernn_keyboard *k, edgernn_text word, float worth, int kept) {
  if (k->own_count == k->options.own) return -1;
  edgernn_own_word *const one = &k->own[k->own_count++];
  one->worth = worth;
  one->kept = (uint8_t)kept;
  one->bytes = (uint8_t)word.bytes;
  *edgernn_put_text(one->text, word) = 0;
  return 0;
}

int edgernn_keyboard_add(edgernn_keyboard *k, const char *word, float worth) {
  const edgernn_text text = edgernn_whole_text(word);
  const char *at = word, *const end = word + text.bytes;
  uint32_t count = 0;
  for (; at < end; ++count) {
    const uint32_t c = edgernn_next(&at, end);
    if (count == LONGEST || c == 0xffffffffu || !(c == '\'' || edgernn_in_words(c))) return -1;
  }
  for (uint32_t i = 0; i < k->own_count; ++i) {
    if (!k->own[i].kept && edgernn_same_text(own_text(&k->own[i]), text)) return -1;
  }
  return count ? taken(k, text, worth, 0) : -1;
}

int edgernn_keep(edgernn_keyboard *k, edgernn_text word) {
  char low[EDGERNN_KEYBOARD_LABEL], *to = low;
  const char *at = word.at, *const end = word.at + word.bytes;
  for (uint32_t count = 0; at < end; ++count) {
    const uint32_t c = edgernn_next(&at, end);
    if (c == 0xffffffffu) return -1;
    if (count == LONGEST) return 0;
    to = edgernn_put(to, edgernn_lower(c));
  }
  const edgernn_text text = {low, (uint32_t)(to - low)};
  return edgernn_is_kept(k, text) ? 0 : taken(k, text, 0.0f, 1);
}

int edgernn_keyboard_keep(edgernn_keyboard *k, const char *word) {
  return edgernn_keep(k, edgernn_whole_text(word));
}
