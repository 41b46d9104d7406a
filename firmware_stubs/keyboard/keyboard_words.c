/* The user's own words, and those that are not to be corrected. */
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
                              uint32_t count, edgernn_rows rows) {
  uint16_t *last = rows[0], *before = rows[1], *row = rows[2];
  for (uint32_t j = 0; j <= count; ++j) row[j] = (uint16_t)j;
  for (uint32_t i = 1; i <= length; ++i) {
    uint16_t *const next = last;
    last = before;
    before = row;
    row = next;
    row[0] = (uint16_t)i;
    for (uint32_t j = 1; j <= count; ++j) {
      const uint32_t changed = before[j - 1u] + (word[i - 1u] != typed[j - 1u]);
      uint32_t fewest = least(least(row[j - 1u], before[j]) + 1u, changed);
      if (i > 1u && j > 1u && word[i - 1u] == typed[j - 2u] && word[i - 2u] == typed[j - 1u]) {
        fewest = least(fewest, last[j - 2u] + 1u);
      }
      row[j] = (uint16_t)fewest;
    }
  }
  return row;
}

/* Edits between them; most + 1 if more. */
static uint32_t distance(const uint32_t *word, uint32_t length, const uint32_t *typed,
                         uint32_t count, uint32_t most) {
  edgernn_rows rows;
  if ((length > count ? length - count : count - length) > most) return most + 1u;
  return least(edgernn_edits(word, length, typed, count, rows)[count], most + 1u);
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

uint32_t edgernn_near(const edgernn_keyboard *k, edgernn_text core, uint16_t *own) {
  uint32_t typed[LONGEST + 1u], word[LONGEST], away[NEAREST], count = 0;
  const uint32_t length = edgernn_lowered(core, LONGEST + 1u, typed);
  for (uint32_t i = 0; i < k->own_count; ++i) {
    const edgernn_own_word *const one = &k->own[i];
    const uint32_t most = one->length < SHORT ? 1u : 2u;
    if (one->kept) continue;
    edgernn_lowered(own_text(one), LONGEST, word);
    const uint32_t edits = distance(word, one->length, typed, length, most);
    if (edits > most) continue;
    uint32_t at = count;
    while (at && edits < away[at - 1u]) --at;
    if (at == NEAREST) continue;
    if (count < NEAREST) ++count;
    for (uint32_t j = count - 1u; j > at; --j) {
      own[j] = own[j - 1u];
      away[j] = away[j - 1u];
    }
    own[at] = (uint16_t)i;
    away[at] = edits;
  }
  return count;
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
  one->length = (uint8_t)edgernn_characters(word);
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

int edgernn_keyboard_keep(edgernn_keyboard *k, const char *word) {
  char low[EDGERNN_KEYBOARD_LABEL], *to = low;
  const char *at = word, *const end = word + edgernn_whole_text(word).bytes;
  for (uint32_t count = 0; at < end; ++count) {
    const uint32_t c = edgernn_next(&at, end);
    if (c == 0xffffffffu) return -1;
    if (count == LONGEST) return 0;
    to = edgernn_put(to, edgernn_lower(c));
  }
  const edgernn_text text = {low, (uint32_t)(to - low)};
  return edgernn_is_kept(k, text) ? 0 : taken(k, text, 0.0f, 1);
}
