/* A keyboard's loop: keystrokes in, the text as it is read, completions and corrections out.
 *
 * Three compiled steps, reached through an edgernn_keyboard_model; all memory is the caller's, its
 * size is fixed, and nothing else is written, so every text with memory of its own may be typed in
 * a thread of its own. Gives the very texts and shares of edgernn/keyboard/decode.py. Build it as
 * the steps: -ffp-contract=off -fno-strict-aliasing.
 *
 *   static edgernn_keyboard keyboard;
 *   static unsigned char memory[KEYBOARD_BYTES(4, 3, 64, 100)] __attribute__((aligned(16)));
 *   const edgernn_keyboard_options options = {
 *       .beam = 4, .suggestions = 3, .back = 64, .own = 100, .margin = 6.0f};
 *
 *   edgernn_keyboard_init(&keyboard, &keyboard_model, &options, memory, sizeof memory);
 *   shown = edgernn_keyboard_push(&keyboard, 't', 0.1f, -0.2f);    and again, key after key
 *
 * The whole text is the app's: the loop says what to take off its end and what to put there. It
 * holds only what may still change, EDGERNN_KEYBOARD_ROOM bytes as they were typed.
 */
#ifndef EDGERNN_KEYBOARD_H
#define EDGERNN_KEYBOARD_H

#include "loop.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EDGERNN_KEYBOARD_LAG 6u      /* runs after which a reading is held to the best one's */
#define EDGERNN_KEYBOARD_MOST 3u     /* words in a run, and runs in a row without one */
#define EDGERNN_KEYBOARD_ROOM 512u   /* bytes in question; with more all of it stays as it is */
#define EDGERNN_KEYBOARD_POOL 16u    /* words that a run is compared with, the likeliest */
#define EDGERNN_KEYBOARD_LONGEST 32u /* characters of a word that is corrected, or one's own */
#define EDGERNN_KEYBOARD_NEAREST 8u  /* own words that a typed one may be, and listed ones */
#define EDGERNN_KEYBOARD_LABEL 128u  /* bytes of a label, or of an own word */
#define EDGERNN_KEYBOARD_MOST_BEAM 16u
#define EDGERNN_KEYBOARD_MOST_SUGGESTIONS 16u
#define EDGERNN_KEYBOARD_MOST_OWN 65534u
#define EDGERNN_KEYBOARD_FARTHEST 5.0f /* key widths; touches beyond are taken to be there */
#define EDGERNN_KEYBOARD_RUNS (EDGERNN_KEYBOARD_LAG + EDGERNN_KEYBOARD_MOST + 1u)

/* What `edgernn embed` writes of a bundle. `keys` takes a row of `inputs` floats and gives
 * `pressed`; `history` takes a label and gives `past` floats; `words` takes the floats of both and
 * gives logits of `labels` labels: 0 is a word that is none of them, the last one an end.
 * A row has a place for any other character, for the one that ends a sentence, for each of
 * `key_count` keys, and three more: whether it is in upper case, and where the touch was.
 * Label i is the text at texts + starts[i], up to a zero. Words beyond them lie at further, those of
 * the letter further_firsts[i] from further_starts[i] to further_starts[i + 1], each up to a zero.
 * Before the first key of a line first_labels are offered with their first_shares, the likeliest first.
 * Nats that are paid, slip: for an edit between what was typed and what is read; strange: for a word
 * that no list has; listed: for one that is known from a list alone. */
typedef struct {
  uint32_t inputs, pressed, past, labels, key_count;
  uint32_t further_letters, first_count;
  float slip, strange, listed;
  const uint32_t *key_characters;
  const char *texts, *further;
  const uint32_t *starts, *further_firsts, *further_starts, *first_labels;
  const float *first_shares;
  edgernn_step keys;
  edgernn_label_step history;
  edgernn_step words;
} edgernn_keyboard_model;

/* beam: readings that are followed. suggestions: completions. back: keystrokes that can be taken
 * back one by one; behind them it is the last character of the text as it is read. own: words of
 * the user's there is room for. no_capitals: the first word of a sentence is not given one; 0: it
 * is, if it is read from a list. margin: nats below the likeliest from which on a reading is not followed, 6
 * as a rule, which costs a text nothing and saves half the time at a space; 0: all are that the beam
 * takes. The first three are at least 1. */
typedef struct {
  uint32_t beam, suggestions, back, own, no_capitals;
  float margin;
} edgernn_keyboard_options;

/* A word that may be meant, and its probability. */
typedef struct {
  const char *text;
  float share;
} edgernn_guess;

/* What an app shows after a keystroke; texts are UTF-8, and lie there until the next call.
 * erased: characters (code points) to take off the end of the text; put: what to put there.
 * typing: what stands at its end behind the last space and is not settled.
 * completions: words that it may become, or behind a word what may follow, or before the first key
 * of a line what lines begin with, the likeliest first.
 * readings: behind a word the likeliest ways to read it. before: words that stood in the text
 * before the last run, after: what stands there now; both 0 if nothing changed there. */
typedef struct {
  uint32_t erased;
  const char *put, *typing;
  const edgernn_guess *completions, *readings;
  uint32_t completion_count, reading_count;
  const char *before, *after;
} edgernn_shown;

/* The rest is the loop's own, declared for its size. */

/* A word that a run holds: its label, 0 if there is none. It is spelled as the label; with an `own`
 * as the own word `own` - 1, from EDGERNN_FURTHER on as the further word there, or if that is
 * EDGERNN_AS_TYPED as it was typed. */
typedef struct {
  uint32_t label, own;
} edgernn_held;

#define EDGERNN_AS_TYPED 65535u
#define EDGERNN_FURTHER 65536u

/* A completion, and its probability. */
typedef struct {
  edgernn_held held;
  float share;
} edgernn_completion;

/* What was typed between spaces, by where it lies: signs, from core the word, from rest signs
 * again, from end the spaces behind it. first: a sentence begins with it. */
typedef struct {
  uint16_t start, core, rest, end, first;
} edgernn_run;

/* The words of each run in question. Behind it lie the vector and the state of `history`. */
typedef struct {
  float score;
  uint8_t counts[EDGERNN_KEYBOARD_RUNS];
  edgernn_held words[EDGERNN_KEYBOARD_RUNS][EDGERNN_KEYBOARD_MOST];
} edgernn_reading;

/* All that changes from keystroke to keystroke. Behind it lie the states of `keys` and `words`, and
 * the readings. typed: the runs in question and, from typing on, the open one, whose beginning is
 * settled if it is cut; sure: it is held as it was typed; first: with capitals, a sentence begins
 * with it; key, dx, dy: the keystroke before it. To take back the one that came next: kept,
 * characters in question that stayed, and put, those that came behind them. changed: whether it did
 * more than to add itself, and of which words: from..to are bytes of what was in question, and the
 * key behind it. */
typedef struct {
  uint32_t count, run_count, typing, bytes, cut, sure, first, kept, put, key, completion_count;
  uint32_t changed, from, to;
  float dx, dy;
  edgernn_completion completions[EDGERNN_KEYBOARD_MOST_SUGGESTIONS];
  edgernn_run runs[EDGERNN_KEYBOARD_RUNS];
  char typed[EDGERNN_KEYBOARD_ROOM + 4u];
} edgernn_moment;

/* What `words` told: natural logs of the likeliest labels, of a word that is none of them, of the
 * label that is sought, of there being one more word in the run, and of there not. Behind it lies
 * the vector it was asked by. */
typedef struct {
  float typed, sought, more, end, chances[EDGERNN_KEYBOARD_POOL];
  uint32_t count;
  uint16_t labels[EDGERNN_KEYBOARD_POOL];
} edgernn_answer;

/* A reading with a word more, or one that is done. key: what it is ranked by. */
typedef struct {
  float score, key;
  uint32_t from;
  edgernn_held held;
} edgernn_offer;

/* worth: nats. kept: not to be corrected, its text in lower case; no word of its own. */
typedef struct {
  float worth;
  uint8_t kept, bytes;
  char text[EDGERNN_KEYBOARD_LABEL + 1u];
} edgernn_own_word;

typedef struct {
  const edgernn_keyboard_model *model;
  edgernn_keyboard_options options;
  uint32_t moment_bytes, reading_bytes, answer_bytes;
  unsigned char *moments, *grown, *answers;
  edgernn_moment *now, *earlier;
  edgernn_offer *offers, *done;
  edgernn_own_word *own;
  edgernn_guess *guesses;
  char *old_text, *text, *before, *after, *accepted, *undone, *said;
  float *row, *both, *logits;
  void *scratch, *asked; /* asked: a state of `words` */
  uint32_t at, past, answer_count, own_count, sought, near_count;
  float strange; /* what it costs to leave the last run as it was typed */
  /* the last run as it was typed, own words and listed ones that it may be */
  edgernn_held near[1u + 2u * EDGERNN_KEYBOARD_NEAREST];
  edgernn_shown shown;
} edgernn_keyboard;

#define EDGERNN_KEYBOARD_WORDS(count) ((count) * (EDGERNN_KEYBOARD_LABEL + 1u))
/* Bytes of all text in question as it is read, and of one run. */
#define EDGERNN_KEYBOARD_TEXT                                                          \
  EDGERNN_ROOM(EDGERNN_KEYBOARD_WORDS(EDGERNN_KEYBOARD_RUNS * EDGERNN_KEYBOARD_MOST) + \
               EDGERNN_KEYBOARD_ROOM + 5u)
#define EDGERNN_KEYBOARD_WAY \
  (EDGERNN_KEYBOARD_WORDS(EDGERNN_KEYBOARD_MOST) + EDGERNN_KEYBOARD_ROOM + 1u)
/* Of what is typed anew where a correction is taken back. */
#define EDGERNN_KEYBOARD_UNDONE(back) (3u * EDGERNN_KEYBOARD_TEXT + EDGERNN_ROOM(4u * (back)))
#define EDGERNN_KEYBOARD_READING(each) (EDGERNN_ROOM(sizeof(edgernn_reading)) + (each))
#define EDGERNN_KEYBOARD_MOMENT(beam, keys, each) \
  (EDGERNN_ROOM(sizeof(edgernn_moment)) + (keys) + (beam) * EDGERNN_KEYBOARD_READING(each))
#define EDGERNN_KEYBOARD_GROWN(beam) ((EDGERNN_KEYBOARD_MOST + 1u) * (beam))
#define EDGERNN_KEYBOARD_ANSWERS(beam) (EDGERNN_KEYBOARD_GROWN(beam) + 1u)
#define EDGERNN_KEYBOARD_OFFERS(beam) \
  ((beam) * (EDGERNN_KEYBOARD_POOL + 2u * EDGERNN_KEYBOARD_NEAREST + 1u))
/* Bytes of memory. once: of what is fed to the steps; keys: of the states of `keys` and `words`;
 * each: of `history`'s vector and state; vector: of its vector. */
#define EDGERNN_KEYBOARD_BYTES(beam, suggestions, back, own, once, keys, each, vector)           \
  ((once) + ((back) + 1u) * EDGERNN_KEYBOARD_MOMENT(beam, keys, each) +                          \
   EDGERNN_KEYBOARD_GROWN(beam) * EDGERNN_KEYBOARD_READING(each) +                               \
   EDGERNN_KEYBOARD_ANSWERS(beam) * (EDGERNN_ROOM(sizeof(edgernn_answer)) + (vector)) +          \
   EDGERNN_ROOM(EDGERNN_KEYBOARD_OFFERS(beam) * sizeof(edgernn_offer)) +                         \
   EDGERNN_ROOM(EDGERNN_KEYBOARD_GROWN(beam) * sizeof(edgernn_offer)) +                          \
   EDGERNN_ROOM((own) * sizeof(edgernn_own_word)) + EDGERNN_KEYBOARD_UNDONE(back) +              \
   EDGERNN_ROOM(((suggestions) + (beam)) * sizeof(edgernn_guess)) + 5u * EDGERNN_KEYBOARD_TEXT + \
   EDGERNN_ROOM(EDGERNN_KEYBOARD_WORDS(suggestions) + (beam) * EDGERNN_KEYBOARD_WAY))

/* Bytes of memory that these options need. */
uint32_t edgernn_keyboard_bytes(const edgernn_keyboard_model *model,
                                const edgernn_keyboard_options *options);

/* 0; -1 if `bytes` is too small, `memory` is not 16-aligned, or an option is 0 or above the most.
 * Model and memory must stay where they are. The user's words are none, the text is empty. */
int edgernn_keyboard_init(edgernn_keyboard *k, const edgernn_keyboard_model *model,
                          const edgernn_keyboard_options *options, void *memory, uint32_t bytes);

/* An empty text; the user's words stay. What is shown then `edgernn_keyboard_shown` tells. */
void edgernn_keyboard_begin(edgernn_keyboard *k);

/* Take a keystroke: its character, and where the touch was from the centre of its key, in key
 * widths, 0 where it is not known, as what is no number is read. '\n' ends a sentence. 0,
 * surrogates and what is above 0x10ffff are read as U+FFFD. */
const edgernn_shown *edgernn_keyboard_push(edgernn_keyboard *k, uint32_t character, float dx,
                                           float dy);

/* What is shown of the text as it stands: what may still change, and completions. Nothing is to be
 * taken off or put. */
const edgernn_shown *edgernn_keyboard_shown(edgernn_keyboard *k);

/* Take the last keystroke back; of an empty text there is nothing to take back. before: the text as
 * the app holds it, up to a zero, or its last 34 characters. It is read only where no keystroke is
 * held any more, for the run at its end that goes on. */
const edgernn_shown *edgernn_keyboard_back(edgernn_keyboard *k, const char *before);

/* Put this word in the place of the open one, and a space behind it: it is typed so, and not
 * corrected; punctuation around the open one stays. 0, and nothing has changed, if it is none, has
 * spaces in it, is no UTF-8, or has more than 128 bytes. */
const edgernn_shown *edgernn_keyboard_accept(edgernn_keyboard *k, const char *word);

/* Take the last correction back among the keystrokes that are held, and keep its words as typed:
 * they are not corrected again, where there is room for them among the user's. What came since is
 * typed anew. Without a correction nothing changes. */
const edgernn_shown *edgernn_keyboard_undo(edgernn_keyboard *k);

/* One of the user's words, worth so many nats more than a word of the vocabulary's that is as
 * likely, 1 as a rule. 0; -1 if there is no room, it is there already, it is no UTF-8, or it is not
 * 1 to 32 characters without spaces and signs but the apostrophe. */
int edgernn_keyboard_add(edgernn_keyboard *k, const char *word, float worth);

/* Do not correct this word again, whatever its case. 0; -1 if there is no room or it is no UTF-8.
 * A word of more than 32 characters is never corrected. */
int edgernn_keyboard_keep(edgernn_keyboard *k, const char *word);

#ifdef __cplusplus
}
#endif
#endif
