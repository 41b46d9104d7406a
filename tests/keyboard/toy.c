/* A keyboard of toy steps: keys adds a row of its key to a share of its state, history likewise one
 * of its label; words adds both to a share of what it was given before. */
#include "toy.h"

#include "keyboard.h"
#include "keyboard_inner.h"
#include "keyboard_saved.h"

#define VECTOR EDGERNN_ROOM(4u * LABELS)
#define ONCE (16u + VECTOR + EDGERNN_ROOM(4u * INPUTS) + EDGERNN_ROOM(8u * LABELS) + VECTOR)

typedef struct {
  uint32_t character;
  float dx, dy;
} keystroke;

static void reset(void *state) {
  for (int i = 0; i < LABELS; ++i) ((float *)state)[i] = 0.0f;
}

static void keys(void *state, void *scratch, const float *in, float *out) {
  float *h = state;
  int place = 0;
  *(float *)scratch = 1.0f;
  while (in[place] == 0.0f) ++place;
  for (int i = 0; i < LABELS; ++i) {
    const float touched = in[INPUTS - 2] * (float)(i % 3);
    out[i] = h[i] = SHARE * h[i] + key_rows[place][i] + in[INPUTS - 3] + touched;
  }
}

static void history(void *state, void *scratch, const int64_t *label, float *out) {
  float *h = state;
  *(float *)scratch = 2.0f;
  for (int i = 0; i < LABELS; ++i) out[i] = h[i] = SHARE * h[i] + label_rows[*label][i];
}

static void words(void *state, void *scratch, const float *in, float *out) {
  float *h = state;
  *(float *)scratch = 3.0f;
  for (int i = 0; i < LABELS; ++i) {
    h[i] = SHARE * h[i] + in[i];
    out[i] = h[i] + in[LABELS + i];
  }
}

static const edgernn_keyboard_model model = {
    .inputs = INPUTS,
    .pressed = LABELS,
    .past = LABELS,
    .labels = LABELS,
    .key_count = INPUTS - 5,
    .slip = SLIP,
    .strange = STRANGE,
    .listed = LISTED,
    .further_letters = sizeof further_firsts / sizeof *further_firsts,
    .first_count = FIRST_COUNT,
    .key_characters = key_characters,
    .texts = texts,
    .starts = starts,
    .further = further,
    .further_firsts = further_firsts,
    .further_starts = further_starts,
    .first_labels = first_labels,
    .first_shares = first_shares,
    .keys = {4 * LABELS, 4, reset, keys},
    .history = {4 * LABELS, 4, reset, history},
    .words = {4 * LABELS, 4, reset, words},
};

static const edgernn_model package = {.abi = EDGERNN_ABI, .id = {1, 2, 3}, .loop = &model};

uint32_t toy_state_size(void);
uint32_t toy_scratch_size(const edgernn_keyboard_options *options);
int toy_init(edgernn_keyboard *k, const edgernn_keyboard_options *options, void *memory,
             uint32_t bytes);
void toy_reset(edgernn_keyboard *k);
void toy_step(edgernn_keyboard *k, const keystroke *key, edgernn_shown *shown);
void toy_back(edgernn_keyboard *k, const char *before, edgernn_shown *shown);
int toy_accept(edgernn_keyboard *k, const char *word, edgernn_shown *shown);
int toy_add(edgernn_keyboard *k, const char *word, const float *worth);
int toy_keep(edgernn_keyboard *k, const char *word);
void toy_now(edgernn_keyboard *k, edgernn_shown *shown);
void toy_undo(edgernn_keyboard *k, edgernn_shown *shown);
int toy_save(const edgernn_keyboard *k, uint32_t back, void *saved, uint32_t bytes);
int toy_restore(edgernn_keyboard *k, const void *saved, uint32_t bytes);
uint32_t toy_length(const char *text);
void toy_letters(uint32_t first, uint32_t count, uint32_t *found);

uint32_t toy_state_size(void) { return sizeof(edgernn_keyboard); }

/* What the macro says, or 0 if the function says something else. */
uint32_t toy_scratch_size(const edgernn_keyboard_options *o) {
  const uint32_t bytes = EDGERNN_KEYBOARD_BYTES(o->beam, o->suggestions, o->back, o->own, ONCE,
                                                2u * VECTOR, 2u * VECTOR, VECTOR);
  return bytes == edgernn_keyboard_bytes(&model, o) ? bytes : 0;
}

int toy_init(edgernn_keyboard *k, const edgernn_keyboard_options *options, void *memory,
             uint32_t bytes) {
  return edgernn_keyboard_init(k, &model, options, memory, bytes);
}

void toy_reset(edgernn_keyboard *k) { edgernn_keyboard_begin(k); }

void toy_step(edgernn_keyboard *k, const keystroke *key, edgernn_shown *shown) {
  *shown = *edgernn_keyboard_push(k, key->character, key->dx, key->dy);
}

void toy_back(edgernn_keyboard *k, const char *before, edgernn_shown *shown) {
  *shown = *edgernn_keyboard_back(k, before);
}

int toy_accept(edgernn_keyboard *k, const char *word, edgernn_shown *shown) {
  const edgernn_shown *const now = edgernn_keyboard_accept(k, word);
  if (now) *shown = *now;
  return now ? 0 : -1;
}

int toy_add(edgernn_keyboard *k, const char *word, const float *worth) {
  return edgernn_keyboard_add(k, word, *worth);
}

int toy_keep(edgernn_keyboard *k, const char *word) { return edgernn_keyboard_keep(k, word); }

void toy_now(edgernn_keyboard *k, edgernn_shown *shown) { *shown = *edgernn_keyboard_shown(k); }

void toy_undo(edgernn_keyboard *k, edgernn_shown *shown) { *shown = *edgernn_keyboard_undo(k); }

int toy_save(const edgernn_keyboard *k, uint32_t back, void *saved, uint32_t bytes) {
  return edgernn_keyboard_save(k, &package, back, saved, bytes);
}

int toy_restore(edgernn_keyboard *k, const void *saved, uint32_t bytes) {
  return edgernn_keyboard_restore(k, &package, saved, bytes);
}

uint32_t toy_length(const char *text) { return edgernn_whole_text(text).bytes; }

/* Of each character whether it is a space, is a part of words, begins them, and its cases. */
void toy_letters(uint32_t first, uint32_t count, uint32_t *found) {
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t c = first + i;
    *found++ = (uint32_t)edgernn_is_space(c);
    *found++ = (uint32_t)edgernn_in_words(c);
    *found++ = (uint32_t)edgernn_begins_words(c);
    *found++ = edgernn_lower(c);
    *found++ = edgernn_upper(c);
  }
}

#ifdef TOY_MAIN
int main(void) { return 0; }
#endif
