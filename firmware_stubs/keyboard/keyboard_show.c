/* What is shown of a keystroke: completions, readings, revisions, what changes in the text.
 *
 * The twin of a part of edgernn/keyboard/decode.py.
 */
#include "keyboard_inner.h"
#include "loop_search.h"

void edgernn_show_nothing(edgernn_keyboard *k) {
  k->shown = (edgernn_shown){0, "", "", k->guesses, k->guesses + k->options.suggestions,
                             0, 0,  0,  0};
}

/* The user's own words share what the vocabulary lacks. */
static void complete_own(edgernn_keyboard *k, edgernn_text core, float typed) {
  const uint32_t most = k->options.suggestions;
  edgernn_moment *const m = k->now;
  edgernn_completion *const found = m->completions;
  uint16_t own[EDGERNN_KEYBOARD_MOST_SUGGESTIONS];
  const uint32_t count = edgernn_begun(k, core, most, own);
  const float share = typed - edgernn_log_f32((float)(count ? count : 1u));
  for (uint32_t i = 0; i < count && i < most; ++i) {
    uint32_t at = m->completion_count;
    while (at && share > found[at - 1u].share) --at;
    if (at == most) return;
    if (m->completion_count < most) ++m->completion_count;
    for (uint32_t j = m->completion_count - 1u; j > at; --j) found[j] = found[j - 1u];
    found[at] = (edgernn_completion){{0, (uint16_t)(own[i] + 1u)}, share};
  }
}

edgernn_text edgernn_open_core(const edgernn_moment *m) {
  const edgernn_run open = edgernn_parted(m->typed, m->typing, m->bytes);
  return edgernn_between(m, open.core, open.rest);
}

void edgernn_offer_first(edgernn_keyboard *k) {
  const edgernn_keyboard_model *const m = k->model;
  const uint32_t most = k->options.suggestions;
  const uint32_t count = m->first_count < most ? m->first_count : most;
  for (uint32_t i = 0; i < count; ++i) {
    k->now->completions[i] = (edgernn_completion){{m->first_labels[i], 0}, m->first_shares[i]};
  }
  k->now->completion_count = count;
}

void edgernn_complete(edgernn_keyboard *k) {
  edgernn_moment *const m = k->now;
  const edgernn_answer *const its = edgernn_ask(k, edgernn_vector(edgernn_reading_at(k, m, 0)));
  uint32_t count = 0;
  for (; count < its->count && count < k->options.suggestions; ++count) {
    m->completions[count] = (edgernn_completion){{its->labels[count], 0}, its->chances[count]};
  }
  m->completion_count = count;
  complete_own(k, edgernn_open_core(m), its->typed);
  for (uint32_t i = 0; i < m->completion_count; ++i) {
    m->completions[i].share = edgernn_exp_f32(m->completions[i].share);
  }
}

void edgernn_show_open(edgernn_keyboard *k) {
  const edgernn_moment *const m = k->now;
  const edgernn_casing open = edgernn_casing_of(edgernn_open_core(m));
  const edgernn_casing casing = open == EDGERNN_AS_IT_IS && m->first ? EDGERNN_CAPITALISED : open;
  for (uint32_t i = 0; i < m->completion_count; ++i) {
    const edgernn_completion *const one = &m->completions[i];
    const edgernn_text text = edgernn_held_text(k, 0, one->held);
    char *const word = k->said + EDGERNN_KEYBOARD_WORDS(i);
    *(one->held.own ? edgernn_put_text(word, text) : edgernn_put_cased(word, text, casing)) = 0;
    k->guesses[i] = (edgernn_guess){word, one->share};
  }
  k->shown.completion_count = m->completion_count;
  k->shown.typing = m->typed + m->typing;
}

void edgernn_show_ways(edgernn_keyboard *k) {
  const edgernn_moment *const m = k->now;
  edgernn_guess *const ways = k->guesses + k->options.suggestions;
  char *way = k->said + EDGERNN_KEYBOARD_WORDS(k->options.suggestions);
  float total = edgernn_likely(k, edgernn_reading_at(k, m, 0));
  for (uint32_t i = 1; i < m->count; ++i) {
    total = add_logs(total, edgernn_likely(k, edgernn_reading_at(k, m, i)));
  }
  for (uint32_t i = 0; i < m->count; ++i, way += EDGERNN_KEYBOARD_WAY) {
    const edgernn_reading *const one = edgernn_reading_at(k, m, i);
    const edgernn_text text = {way, (uint32_t)(edgernn_write_last(k, one, way) - way)};
    const float share = edgernn_exp_f32(edgernn_likely(k, one) - total);
    uint32_t at = 0;
    way[text.bytes] = 0;
    while (at < k->shown.reading_count &&
           !edgernn_same_text(text, edgernn_whole_text(ways[at].text))) {
      ++at;
    }
    if (!text.bytes) continue;
    if (at < k->shown.reading_count) {
      ways[at].share += share;
    } else {
      ways[k->shown.reading_count++] = (edgernn_guess){way, share};
    }
  }
  for (uint32_t i = 0; i < k->shown.reading_count; ++i) { /* sums are rounded */
    if (ways[i].share > 1.0f) ways[i].share = 1.0f;
  }
}

edgernn_text edgernn_next_word(const char **at, const char *end) {
  edgernn_text word = {*at, 0};
  while (*at < end) {
    const char *const before = *at;
    if (!edgernn_is_space(edgernn_next(at, end))) {
      word.bytes = (uint32_t)(*at - word.at);
    } else if (word.bytes) {
      *at = before;
      break;
    } else {
      word.at = *at;
    }
  }
  return word;
}

/* At most so many words from a place on, apart by single spaces. */
static void write_words(char *to, const char *at, const char *end, uint32_t most) {
  const char *const start = to;
  for (edgernn_text word = edgernn_next_word(&at, end); word.bytes && most; word = edgernn_next_word(&at, end)) {
    if (to != start) *to++ = ' ';
    to = edgernn_put_text(to, word);
    --most;
  }
  *to = 0;
}

void edgernn_show_revised(edgernn_keyboard *k, edgernn_text old, edgernn_text text) {
  const char *was = old.at, *now = text.at;
  const char *const was_end = old.at + old.bytes, *const now_end = text.at + text.bytes;
  const char *was_at = was, *now_at = now;
  uint32_t count = 0, bytes = 0;
  for (edgernn_text word = edgernn_next_word(&was, was_end); word.bytes; word = edgernn_next_word(&was, was_end)) {
    bytes = (uint32_t)(word.at - old.at) + word.bytes;
    ++count;
  }
  if (bytes <= text.bytes &&
      edgernn_same_text((edgernn_text){old.at, bytes}, (edgernn_text){text.at, bytes})) {
    return;
  }
  for (was = was_at; count; --count, was_at = was, now_at = now) {
    const edgernn_text one = edgernn_next_word(&was, was_end), other = edgernn_next_word(&now, now_end);
    if (!other.bytes || !edgernn_same_text(one, other)) break;
  }
  write_words(k->before, was_at, was_end, count);
  write_words(k->after, now_at, now_end, count);
  k->shown.before = k->before;
  k->shown.after = k->after;
}

void edgernn_show_text(edgernn_keyboard *k, edgernn_text old, edgernn_text text) {
  edgernn_moment *const earlier = k->earlier;
  uint32_t same = 0;
  while (same < old.bytes && same < text.bytes && old.at[same] == text.at[same]) ++same;
  while (same && same < text.bytes && ((unsigned char)text.at[same] & 0xc0u) == 0x80u) --same;
  earlier->kept = edgernn_characters((edgernn_text){old.at, same});
  earlier->put = edgernn_characters((edgernn_text){text.at + same, text.bytes - same});
  k->shown.erased = edgernn_characters((edgernn_text){old.at + same, old.bytes - same});
  k->shown.put = text.at + same;
}
