/* Characters: which have case, which stand in words; UTF-8; a run's parts and how it is cased. */
#include "keyboard_inner.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define NONE 0xffffffffu

static const uint32_t signs[][2] = {
    {0x00, 0x2f},       {0x3a, 0x40},     {0x5b, 0x60},     {0x7b, 0xa9},     {0xab, 0xb1},
    {0xb4, 0xb4},       {0xb6, 0xb8},     {0xbb, 0xbb},     {0xbf, 0xbf},     {0xd7, 0xd7},
    {0xf7, 0xf7},       {0x200b, 0x206f}, {0x20a0, 0x20cf}, {0x2190, 0x23ff}, {0x2500, 0x2775},
    {0x2794, 0x2bff},   {0x3001, 0x3004}, {0x3008, 0x3020}, {0xfe00, 0xfe0f}, {0x1f1e6, 0x1f1ff},
    {0x1f300, 0x1faff},
};
static const uint32_t marks[][2] = {
    {0x0300, 0x036f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}};
static const uint32_t spaces[][2] = {
    {0x09, 0x0d},     {0x1c, 0x20},     {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680},
    {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
};
static const uint32_t capitals[][2] = {{0x41, 0x5a}, {0xc0, 0xd6}, {0xd8, 0xde}};

static int among(const uint32_t (*ranges)[2], uint32_t count, uint32_t c) {
  for (uint32_t i = 0; i < count; ++i) {
    if (c >= ranges[i][0] && c <= ranges[i][1]) return 1;
  }
  return 0;
}

int edgernn_is_space(uint32_t c) { return among(spaces, COUNT(spaces), c); }

int edgernn_in_words(uint32_t c) {
  return !among(signs, COUNT(signs), c) && !edgernn_is_space(c);
}

int edgernn_begins_words(uint32_t c) {
  return edgernn_in_words(c) && !among(marks, COUNT(marks), c);
}

uint32_t edgernn_lower(uint32_t c) { return among(capitals, COUNT(capitals), c) ? c + 0x20u : c; }

uint32_t edgernn_upper(uint32_t c) {
  return c >= 0x20u && among(capitals, COUNT(capitals), c - 0x20u) ? c - 0x20u : c;
}

/* ---- UTF-8 */

static uint32_t bytes_of(uint32_t c) {
  return c < 0x80u ? 1u : c < 0x800u ? 2u : c < 0x10000u ? 3u : 4u;
}

uint32_t edgernn_next(const char **at, const char *end) {
  const unsigned char *const s = (const unsigned char *)*at;
  const uint32_t first = *s;
  const uint32_t count = first < 0x80u ? 1u : first < 0xe0u ? 2u : first < 0xf0u ? 3u : 4u;
  uint32_t c = count == 1u ? first : first & (0xffu >> (count + 1u));
  ++*at;
  if (first >= 0x80u && (first < 0xc2u || first > 0xf4u)) return NONE;
  if ((uint32_t)(end - (const char *)s) < count) return NONE;
  for (uint32_t i = 1; i < count; ++i) {
    if ((s[i] & 0xc0u) != 0x80u) return NONE;
    c = c << 6 | (s[i] & 0x3fu);
  }
  if (bytes_of(c) != count || c > 0x10ffffu || (c >= 0xd800u && c < 0xe000u)) return NONE;
  *at += count - 1u;
  return c;
}

const char *edgernn_step_back(const char *text, const char *at) {
  do --at;
  while (at > text && ((unsigned char)*at & 0xc0u) == 0x80u);
  return at;
}

char *edgernn_put(char *to, uint32_t c) {
  const uint32_t count = bytes_of(c);
  if (count == 1u) {
    *to++ = (char)c;
    return to;
  }
  *to++ = (char)(0xf00u >> count | c >> 6u * (count - 1u));
  for (uint32_t i = count - 1u; i-- > 0;) *to++ = (char)(0x80u | (c >> 6u * i & 0x3fu));
  return to;
}

char *edgernn_put_text(char *to, edgernn_text text) {
  while (text.bytes--) *to++ = *text.at++;
  return to;
}

char *edgernn_put_cased(char *to, edgernn_text text, edgernn_casing casing) {
  const char *const end = text.at + text.bytes;
  if (casing == EDGERNN_CAPITALISED && edgernn_has_capitals(text)) casing = EDGERNN_AS_IT_IS;
  while (text.at < end) {
    const uint32_t c = edgernn_next(&text.at, end), high = edgernn_upper(c);
    to = edgernn_put(to, casing == EDGERNN_AS_IT_IS ? c : high);
    if (casing == EDGERNN_CAPITALISED && high != c) casing = EDGERNN_AS_IT_IS;
  }
  return to;
}

edgernn_text edgernn_whole_text(const char *text) {
  edgernn_text whole = {text, 0};
  while (text[whole.bytes]) ++whole.bytes;
  return whole;
}

uint32_t edgernn_characters(edgernn_text text) {
  uint32_t count = 0;
  while (text.bytes--) count += ((unsigned char)*text.at++ & 0xc0u) != 0x80u;
  return count;
}

int edgernn_same_text(edgernn_text a, edgernn_text b) {
  if (a.bytes != b.bytes) return 0;
  while (a.bytes--) {
    if (*a.at++ != *b.at++) return 0;
  }
  return 1;
}

uint32_t edgernn_lowered(edgernn_text text, uint32_t most, uint32_t *to) {
  const char *at = text.at, *const end = at + text.bytes;
  uint32_t count = 0;
  while (at < end && count < most) to[count++] = edgernn_lower(edgernn_next(&at, end));
  return count;
}

int edgernn_has_capitals(edgernn_text text) {
  const char *at = text.at, *const end = at + text.bytes;
  while (at < end) {
    const uint32_t c = edgernn_next(&at, end);
    if (edgernn_lower(c) != c) return 1;
  }
  return 0;
}

int edgernn_same_letters(edgernn_text a, edgernn_text b) {
  const char *x = a.at, *y = b.at, *const x_end = x + a.bytes, *const y_end = y + b.bytes;
  if (a.bytes != b.bytes) return 0; /* case does not change it */
  while (x < x_end) {
    if (edgernn_lower(edgernn_next(&x, x_end)) != edgernn_lower(edgernn_next(&y, y_end))) return 0;
  }
  return 1;
}

/* ---- words */

edgernn_run edgernn_parted(const char *typed, uint32_t start, uint32_t end) {
  const char *at = typed + start;
  edgernn_run run = {(uint16_t)start, (uint16_t)end, (uint16_t)end, (uint16_t)end, 0};
  while (at < typed + end) {
    const uint32_t before = (uint32_t)(at - typed), c = edgernn_next(&at, typed + end);
    if (!(run.core == end ? edgernn_begins_words(c) : edgernn_in_words(c))) continue;
    if (run.core == end) run.core = (uint16_t)before;
    run.rest = (uint16_t)(at - typed);
  }
  return run;
}

edgernn_casing edgernn_casing_of(edgernn_text core) {
  const char *at = core.at, *const end = at + core.bytes;
  uint32_t high = 0, low = 0, led = 0, first = 0;
  while (at < end) {
    const int begins = at == core.at;
    const uint32_t c = edgernn_next(&at, end);
    const uint32_t is_high = edgernn_lower(c) != c, is_low = edgernn_upper(c) != c;
    if (begins) first = is_high;
    if (!high && !low) led = is_high;
    high += is_high;
    low += is_low;
  }
  if (!high) return EDGERNN_AS_IT_IS;
  if (led && high == 1u) return EDGERNN_CAPITALISED;
  if (!low) return EDGERNN_UPPER;
  return first ? EDGERNN_CAPITALISED : EDGERNN_AS_IT_IS;
}

int edgernn_ends_sentence(const char *typed, edgernn_run run) {
  const char *const start = typed + run.start;
  const char *end = typed + run.end;
  for (const char *at = typed + run.core; at < typed + run.rest; ++at) {
    if (*at == '.') return 0;
  }
  while (end > start && (end[-1] == '"' || end[-1] == ')' || end[-1] == ']' || end[-1] == '}')) --end;
  if (end == start || (end[-1] != '.' && end[-1] != '!' && end[-1] != '?')) return 0;
  return end - start == 1 || end[-1] != '.' || end[-2] != '.';
}

int edgernn_shift_slipped(edgernn_text core) {
  const char *at = core.at, *const end = at + core.bytes;
  for (uint32_t i = 0; i < 2u; ++i) {
    const uint32_t c = at < end ? edgernn_next(&at, end) : 0u;
    if (edgernn_lower(c) == c) return 0;
  }
  const edgernn_text rest = {at, (uint32_t)(end - at)};
  return rest.bytes && !edgernn_has_capitals(rest) &&
         !edgernn_same_text(rest, edgernn_whole_text("s")) &&
         !edgernn_same_text(rest, edgernn_whole_text("'s"));
}

uint32_t edgernn_place(const edgernn_keyboard_model *m, uint32_t c) {
  const uint32_t key = edgernn_is_space(c) && c != EDGERNN_ENTER ? ' ' : edgernn_lower(c);
  for (uint32_t i = 0; i < m->key_count; ++i) {
    if (m->key_characters[i] == key) return i + 2u;
  }
  return c == EDGERNN_ENTER;
}

int edgernn_correctable(const edgernn_keyboard_model *m, edgernn_text core) {
  const char *at = core.at, *const end = at + core.bytes;
  uint32_t count = 0, letters = 0;
  for (; at < end; ++count) {
    const uint32_t c = edgernn_next(&at, end);
    if ((c >= '0' && c <= '9') || edgernn_place(m, c) < 2u) return 0;
    letters += (uint32_t)edgernn_in_words(c);
  }
  return letters && count <= EDGERNN_KEYBOARD_LONGEST;
}
