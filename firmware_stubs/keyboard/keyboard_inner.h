/* What the parts of the keyboard's loop tell one another: not to be called from elsewhere. */
#ifndef EDGERNN_KEYBOARD_INNER_H
#define EDGERNN_KEYBOARD_INNER_H

#include "keyboard.h"

#define EDGERNN_ENTER '\n'

/* Some bytes of UTF-8. */
typedef struct {
  const char *at;
  uint32_t bytes;
} edgernn_text;

typedef enum { EDGERNN_AS_IT_IS, EDGERNN_CAPITALISED, EDGERNN_UPPER } edgernn_casing;

/* ---- keyboard_letters.c: the twin of edgernn/keyboard/letters.py and words.py */

int edgernn_is_space(uint32_t c);
int edgernn_in_words(uint32_t c);
uint32_t edgernn_lower(uint32_t c);
uint32_t edgernn_upper(uint32_t c);

/* The character at a place, which moves behind it. What is no UTF-8 is 0xffffffff, one byte. */
uint32_t edgernn_next(const char **at, const char *end);

/* Put a character down; gives the place behind it. */
char *edgernn_put(char *to, uint32_t c);
char *edgernn_put_text(char *to, edgernn_text text);
char *edgernn_put_cased(char *to, edgernn_text text, edgernn_casing casing);

/* A text up to its zero. */
edgernn_text edgernn_whole_text(const char *text);
uint32_t edgernn_characters(edgernn_text text);
int edgernn_same_text(edgernn_text a, edgernn_text b);

/* A run between two places, parted. */
edgernn_run edgernn_parted(const char *typed, uint32_t start, uint32_t end);

/* How another word is cased like this one. */
edgernn_casing edgernn_casing_of(edgernn_text core);

/* The place of a character in a row for `keys`. */
uint32_t edgernn_place(const edgernn_keyboard_model *m, uint32_t c);

/* Whether another word may be read from what was typed. */
int edgernn_correctable(const edgernn_keyboard_model *m, edgernn_text core);

/* ---- keyboard_words.c: the twin of edgernn/keyboard/own_words.py */

/* Whether a word is not to be corrected. */
int edgernn_is_kept(const edgernn_keyboard *k, edgernn_text core);

/* Own words that a typed one may be, and nats beside what is typed; how many. */
uint32_t edgernn_near(const edgernn_keyboard *k, edgernn_text core, uint16_t *own, float *nats);

/* Own words that begin so: how many, and the first `most` of them. */
uint32_t edgernn_begun(const edgernn_keyboard *k, edgernn_text core, uint32_t most, uint16_t *own);

/* ---- keyboard_search.c: the twin of edgernn/keyboard/search.py and of what decode.py writes */

edgernn_reading *edgernn_reading_at(const edgernn_keyboard *k, const edgernn_moment *m, uint32_t i);
float *edgernn_vector(const edgernn_reading *one);

/* A sentence of which nothing was typed yet. */
void edgernn_search_begin(edgernn_keyboard *k);

/* Read the last run: k->done are the readings, the best first. Gives how many. */
uint32_t edgernn_search_close(edgernn_keyboard *k, int fixed);

/* The best of them. */
const edgernn_reading *edgernn_search_best(const edgernn_keyboard *k);

/* They are what is followed from here on, without the runs that are no longer in question. */
void edgernn_search_settle(edgernn_keyboard *k, uint32_t count);

/* Of a held word in a run. */
edgernn_text edgernn_held_text(const edgernn_keyboard *k, uint32_t run, edgernn_held held);

/* All in question as it is read; the last run alone, without spaces. Give the end, not a zero. */
char *edgernn_write_all(const edgernn_keyboard *k, const edgernn_reading *one, char *to);
char *edgernn_write_last(const edgernn_keyboard *k, const edgernn_reading *one, char *to);

/* ---- keyboard.c */

/* What `words` tells at this keystroke behind the words of a vector. */
const edgernn_answer *edgernn_ask(edgernn_keyboard *k, const float *vector);

#endif
