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
int edgernn_begins_words(uint32_t c);
uint32_t edgernn_lower(uint32_t c);
uint32_t edgernn_upper(uint32_t c);

/* The character at a place, which moves behind it. What is no UTF-8 is 0xffffffff, one byte. */
uint32_t edgernn_next(const char **at, const char *end);

/* The place of the character before a place that is not the text's first. */
const char *edgernn_step_back(const char *text, const char *at);

/* Put a character down; gives the place behind it. */
char *edgernn_put(char *to, uint32_t c);
char *edgernn_put_text(char *to, edgernn_text text);
char *edgernn_put_cased(char *to, edgernn_text text, edgernn_casing casing);

/* A text up to its zero. */
edgernn_text edgernn_whole_text(const char *text);
uint32_t edgernn_characters(edgernn_text text);
int edgernn_same_text(edgernn_text a, edgernn_text b);

/* Whether a letter is in upper case; whether texts are the same but for that. */
int edgernn_has_capitals(edgernn_text text);
int edgernn_same_letters(edgernn_text a, edgernn_text b);

/* A text's characters in lower case, at most so many; how many. */
uint32_t edgernn_lowered(edgernn_text text, uint32_t most, uint32_t *to);

/* A run between two places, parted. */
edgernn_run edgernn_parted(const char *typed, uint32_t start, uint32_t end);

/* How another word is cased like this one. */
edgernn_casing edgernn_casing_of(edgernn_text core);

/* Whether a sentence ends with a run; an ellipsis ends none, and U.S. has signs within. */
int edgernn_ends_sentence(const char *typed, edgernn_run run);

/* Whether shift was held a letter too long, as in THe; TVs and TV's are meant so. */
int edgernn_shift_slipped(edgernn_text core);

/* The place of a character in a row for `keys`. */
uint32_t edgernn_place(const edgernn_keyboard_model *m, uint32_t c);

/* Whether another word may be read from what was typed. */
int edgernn_correctable(const edgernn_keyboard_model *m, edgernn_text core);

/* ---- keyboard_words.c: the twin of edgernn/keyboard/own_words.py */

/* Whether a word is not to be corrected. */
int edgernn_is_kept(const edgernn_keyboard *k, edgernn_text core);

/* Do not correct a word again: 0; -1 if there is no room or it is no UTF-8. */
int edgernn_keep(edgernn_keyboard *k, edgernn_text word);

/* Characters that may be typed between two words that are read, and that so many words have. */
#define EDGERNN_TYPED ((EDGERNN_KEYBOARD_MOST + 1u) * (EDGERNN_KEYBOARD_LONGEST + 1u))
#define EDGERNN_WORDS EDGERNN_KEYBOARD_WORDS(EDGERNN_KEYBOARD_MOST)

/* Room for rows of edits. */
typedef uint16_t edgernn_rows[3][EDGERNN_TYPED + 1u];

/* Edits between a word and each beginning of what was typed, `count` + 1 of them. If all of it is
 * more than `most` away the last of them is some number above that. */
const uint16_t *edgernn_edits(const uint32_t *word, uint32_t length, const uint32_t *typed,
                              uint32_t count, uint32_t most, edgernn_rows rows);

/* Edits between two words; most + 1 if more. */
uint32_t edgernn_distance(const uint32_t *word, uint32_t length, const uint32_t *typed,
                          uint32_t count, uint32_t most);

/* Own words that a typed one may be, the nearest first; how many. */
uint32_t edgernn_near(const edgernn_keyboard *k, edgernn_text core, edgernn_held *found);

/* The label or further word that is typed so; if there is none, those that it may be. The twin of
 * edgernn/keyboard/spellings.py. */
uint32_t edgernn_spelled(const edgernn_keyboard_model *m, edgernn_text core, edgernn_held *found);

/* Whether it is made of listed words: joined by hyphens, with 's behind them, or both. */
int edgernn_is_joined(const edgernn_keyboard_model *m, edgernn_text core);

/* Own words that begin so: how many, and the first `most` of them. */
uint32_t edgernn_begun(const edgernn_keyboard *k, edgernn_text core, uint32_t most, uint16_t *own);

/* ---- keyboard_search.c: the twin of edgernn/keyboard/search.py */

edgernn_reading *edgernn_reading_at(const edgernn_keyboard *k, const edgernn_moment *m, uint32_t i);
float *edgernn_vector(const edgernn_reading *one);
/* Its score; while no word has come for the last run, that stands as it was typed. */
float edgernn_likely(const edgernn_keyboard *k, const edgernn_reading *one);

/* A sentence of which nothing was typed yet. */
void edgernn_readings_begin(edgernn_keyboard *k);

/* The label that is spelled so, whatever its case; 0 if there is none. */
uint32_t edgernn_label_of(const edgernn_keyboard_model *m, edgernn_text core);

/* Read the last run. The readings are those that are followed from here on, the best first. Gives
 * how many runs are no longer in question. */
uint32_t edgernn_readings_close(edgernn_keyboard *k, int fixed);

/* Take so many runs out of what is in question. */
void edgernn_readings_drop(edgernn_keyboard *k, uint32_t count);

/* Of what was typed, between two places. */
edgernn_text edgernn_between(const edgernn_moment *m, uint32_t from, uint32_t to);

/* A run without the signs around it. */
edgernn_text edgernn_core_of(const edgernn_keyboard *k, uint32_t run);

/* Of a held word in a run. */
edgernn_text edgernn_held_text(const edgernn_keyboard *k, uint32_t run, edgernn_held held);
edgernn_text edgernn_label_text(const edgernn_keyboard_model *m, uint32_t label);

/* ---- keyboard_write.c: the twin of edgernn/keyboard/writing.py */

/* All in question as it is read; the last run alone, without spaces. Give the end, not a zero. */
char *edgernn_write_all(const edgernn_keyboard *k, const edgernn_reading *one, char *to);
char *edgernn_write_last(const edgernn_keyboard *k, const edgernn_reading *one, char *to);

/* ---- keyboard_show.c: the twin of what decode.py shows */

edgernn_text edgernn_open_core(const edgernn_moment *m);

void edgernn_show_nothing(edgernn_keyboard *k);

/* Offer what lines begin with. */
void edgernn_offer_first(edgernn_keyboard *k);

/* Ask for the likeliest words. */
void edgernn_complete(edgernn_keyboard *k);

/* The open run and its completions. */
void edgernn_show_open(edgernn_keyboard *k);

/* How the last run may be read. */
void edgernn_show_ways(edgernn_keyboard *k);

/* What changed in front of the run that has just ended, word by word. */
void edgernn_show_revised(edgernn_keyboard *k, edgernn_text old, edgernn_text text);

/* What to change at the end of the text, and how to change it back. */
void edgernn_show_text(edgernn_keyboard *k, edgernn_text old, edgernn_text text);

/* The next word of a text from a place on, which moves behind it; of no bytes at the end. */
edgernn_text edgernn_next_word(const char **at, const char *end);

/* ---- keyboard_undo.c: the twin of edgernn/keyboard/changes.py and of `undo` in decode.py */

/* What a keystroke made of a text in question and itself behind it. */
void edgernn_note_change(edgernn_moment *earlier, edgernn_text was, edgernn_text text);

/* ---- keyboard.c */

/* A moment by its place in the ring; what lies behind it and behind a reading. */
edgernn_moment *edgernn_moment_at(const edgernn_keyboard *k, uint32_t at);
void *edgernn_keys_state(const edgernn_moment *m);
void *edgernn_words_state(const edgernn_keyboard *k, const edgernn_moment *m);
void *edgernn_history_state(const edgernn_keyboard *k, const edgernn_reading *one);

/* What `words` tells at this keystroke behind the words of a vector. */
const edgernn_answer *edgernn_ask(edgernn_keyboard *k, const float *vector);

#endif
