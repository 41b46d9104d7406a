/* How runs are written as they are read: the twin of edgernn/keyboard/writing.py. */
#include "keyboard_inner.h"

#define MOST EDGERNN_KEYBOARD_MOST
#define AS_TYPED EDGERNN_AS_TYPED
#define AWAY 2u /* edits from a word to what of the run it is read from, at most */

/* What of a run one of its words is read from, and the signs before it. */
typedef struct {
  edgernn_text signs, text;
} piece;

/* A word as what was typed is cased; where its letters are those that were typed, as they were
 * typed. first: a sentence begins with it. */
static char *write_cased(edgernn_text text, edgernn_text typed, int first, char *to) {
  const edgernn_casing least = first ? EDGERNN_CAPITALISED : EDGERNN_AS_IT_IS;
  const edgernn_casing casing = edgernn_casing_of(typed);
  if (edgernn_same_letters(text, typed) && !edgernn_has_capitals(text) &&
      !edgernn_shift_slipped(typed)) {
    return edgernn_put_cased(to, typed, least);
  }
  return edgernn_put_cased(to, text, casing == EDGERNN_AS_IT_IS ? least : casing);
}

/* The pieces of a core, without signs before a capital; 0 if there are not so many. */
static int take_apart(edgernn_text core, piece *pieces, uint32_t count) {
  const char *at = core.at, *const end = at + core.bytes;
  uint32_t parts = 1;
  int small = 0;
  pieces[0] = (piece){{at, 0}, {at, 0}};
  while (at < end) {
    const char *const start = at;
    const uint32_t c = edgernn_next(&at, end), letters = pieces[parts - 1u].text.bytes;
    const int sign = !edgernn_in_words(c) && !(c == '\'' && letters);
    if (sign ? letters != 0u : small && edgernn_lower(c) != c) {
      if (parts == count) return 0;
      pieces[parts++] = (piece){{start, 0}, {start, 0}};
    }
    piece *const now = &pieces[parts - 1u];
    if (sign) {
      now->signs.bytes = (uint32_t)(at - now->signs.at);
      now->text.at = at;
    } else {
      now->text.bytes = (uint32_t)(at - now->text.at);
    }
    small = !sign && edgernn_upper(c) != c;
  }
  return parts == count;
}

/* Whether a word may be read from a piece. */
static int is_near(edgernn_text word, edgernn_text typed) {
  uint32_t one[EDGERNN_KEYBOARD_LABEL], other[EDGERNN_KEYBOARD_LONGEST];
  const uint32_t length = edgernn_lowered(word, EDGERNN_KEYBOARD_LABEL, one);
  const uint32_t count = edgernn_lowered(typed, EDGERNN_KEYBOARD_LONGEST, other);
  return edgernn_distance(one, length, other, count, AWAY) <= AWAY;
}

static int is_among(char sign, const char *signs) {
  while (*signs && *signs != sign) ++signs;
  return *signs != 0;
}

/* What is put between two pieces: with a space, but in well-known, either/or, example.com. quoted:
 * a quotation is open before them. */
static char *write_gap(const piece *next, int quoted, char *to) {
  const edgernn_text signs = next->signs;
  const char *begins = next->text.at;
  const uint32_t c = edgernn_next(&begins, next->text.at + next->text.bytes);
  uint32_t at = signs.bytes;
  while (at && is_among(signs.at[at - 1u], quoted ? "([{" : "([{\"")) --at;
  int spaced = !(signs.bytes == 1u && *signs.at == '.' && edgernn_lower(c) == c);
  for (uint32_t i = 0; i < signs.bytes; ++i) {
    if (i < at && !is_among(signs.at[i], ".,!?;:)]}\"")) spaced = 0;
    if (i && signs.at[i - 1u] == '.' && signs.at[i] == '.') spaced = 0;
  }
  if (!spaced) return edgernn_put_text(to, signs);
  to = edgernn_put_text(to, (edgernn_text){signs.at, at});
  *to++ = ' ';
  return edgernn_put_text(to, (edgernn_text){signs.at + at, signs.bytes - at});
}

static int quotes_in(const char *at, const char *end) {
  int count = 0;
  while (at < end) count += *at++ == '"';
  return count;
}

/* Whether a run's words have each a piece of it. */
static int have_pieces(const edgernn_keyboard *k, const edgernn_reading *one, uint32_t run,
                       piece *pieces) {
  const uint32_t count = one->counts[run];
  if (count < 2u || !take_apart(edgernn_core_of(k, run), pieces, count)) return 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (!is_near(edgernn_held_text(k, run, one->words[run][i]), pieces[i].text)) return 0;
  }
  return 1;
}

/* The words of a run, of which runs from `first` on are a part. */
static char *write_words(const edgernn_keyboard *k, const edgernn_reading *one, uint32_t first,
                         uint32_t run, char *to) {
  const edgernn_moment *const m = k->now;
  piece pieces[MOST];
  const int apart = first == run && have_pieces(k, one, run, pieces);
  const char *const start = m->typed + m->runs[first].start;
  to = edgernn_put_text(to, edgernn_between(m, m->runs[first].start, m->runs[first].core));
  for (uint32_t i = 0; i < one->counts[run]; ++i) {
    const edgernn_held held = one->words[run][i];
    const edgernn_text text = edgernn_held_text(k, run, held);
    const edgernn_text typed = apart ? pieces[i].text : edgernn_core_of(k, first);
    if (i && apart) {
      to = write_gap(&pieces[i], quotes_in(start, pieces[i].signs.at) % 2, to);
    } else if (i) {
      *to++ = ' ';
    }
    const int as_it_is = (i && !apart) || (held.own && held.own <= AS_TYPED);
    to = as_it_is ? edgernn_put_text(to, text)
                  : write_cased(text, typed, !i && m->runs[first].first, to);
  }
  for (; first < run; ++first) {
    const edgernn_run *const next = &m->runs[first + 1u];
    to = edgernn_put_text(to, edgernn_between(m, m->runs[first].rest, m->runs[first].end));
    to = edgernn_put_text(to, edgernn_between(m, next->start, next->core));
  }
  return edgernn_put_text(to, edgernn_between(m, m->runs[run].rest, m->runs[run].end));
}

char *edgernn_write_all(const edgernn_keyboard *k, const edgernn_reading *one, char *to) {
  const edgernn_moment *const m = k->now;
  uint32_t waiting = 0;
  for (uint32_t run = 0; run < m->run_count; ++run) {
    if (!one->counts[run]) continue;
    const uint32_t next = run + 1u < m->run_count ? m->runs[run + 1u].start : m->typing;
    to = write_words(k, one, waiting, run, to);
    to = edgernn_put_text(to, edgernn_between(m, m->runs[run].end, next));
    waiting = run + 1u;
  }
  const uint32_t rest = waiting < m->run_count ? m->runs[waiting].start : m->typing;
  return edgernn_put_text(to, edgernn_between(m, rest, m->bytes));
}

char *edgernn_write_last(const edgernn_keyboard *k, const edgernn_reading *one, char *to) {
  const uint32_t run = k->now->run_count - 1u;
  const edgernn_run *const last = &k->now->runs[run];
  if (one->counts[run]) return write_words(k, one, run, run, to);
  return edgernn_put_text(to, edgernn_between(k->now, last->start, last->end));
}
