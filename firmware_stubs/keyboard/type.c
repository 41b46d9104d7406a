/* Reads keystrokes, a code point and two float32 as the CPU stores them; prints a line for each:
 *
 *   shown ERASED PUT TYPING COUNT SHARE COMPLETION.. COUNT SHARE READING.. [BEFORE AFTER]
 *
 * Texts are a dot and the digits of their UTF-8 in hexadecimal, shares the bits of a float32. A
 * backspace takes back, Ctrl-Z takes the last correction back. type.h is generated; it defines the
 * options, and `teach`, which adds the user's words.
 */
#include "type.h"

#include "port.h"
#include "print.h"

#define BACKSPACE 8u
#define UNDO 26u
#define TEXT 65536u /* bytes; of a longer text the end */

typedef struct {
  uint32_t character;
  float dx, dy;
} keystroke;

static edgernn_keyboard typed;
static unsigned char memory[KEYBOARD_BYTES(BEAM, SUGGESTIONS, BACK, OWN)]
    __attribute__((aligned(16)));

static char text[TEXT + 1u];
static uint32_t length;

/* Change the text as an app does. */
static void change(const edgernn_shown *shown) {
  for (uint32_t i = 0; i < shown->erased; ++i) {
    while (length && ((unsigned char)text[--length] & 0xc0u) == 0x80u) continue;
  }
  for (const char *put = shown->put; *put; ++put) {
    if (length == TEXT) {
      length = TEXT / 2u;
      for (uint32_t i = 0; i < length; ++i) text[i] = text[i + length];
    }
    text[length++] = *put;
  }
  text[length] = 0;
}

static void print_text(const char *one) {
  char digits[3] = {0, 0, 0};
  port_write(" .");
  for (; *one; ++one) {
    digits[0] = "0123456789abcdef"[(unsigned char)*one >> 4];
    digits[1] = "0123456789abcdef"[(unsigned char)*one & 15u];
    port_write(digits);
  }
}

static void print_guesses(const edgernn_guess *some, uint32_t count) {
  print_number(" ", count, 10, "");
  for (uint32_t i = 0; i < count; ++i) {
    const union {
      float f;
      uint32_t u;
    } share = {some[i].share};
    print_number(" 0x", share.u, 16, "");
    print_text(some[i].text);
  }
}

static void print(const edgernn_shown *shown) {
  print_number("shown ", shown->erased, 10, "");
  print_text(shown->put);
  print_text(shown->typing);
  print_guesses(shown->completions, shown->completion_count);
  print_guesses(shown->readings, shown->reading_count);
  if (shown->before) {
    print_text(shown->before);
    print_text(shown->after);
  }
  port_write("\n");
}

int main(void) {
  const edgernn_keyboard_options options = {BEAM, SUGGESTIONS, BACK, OWN, NO_CAPITALS, MARGIN};
  keystroke key;
  if (edgernn_keyboard_init(&typed, &keyboard_model, &options, memory, sizeof memory)) return 2;
  if (teach(&typed)) return 3;
  while (port_read(&key, sizeof key) == sizeof key) {
    const edgernn_shown *const shown =
        key.character == BACKSPACE ? edgernn_keyboard_back(&typed, text)
        : key.character == UNDO    ? edgernn_keyboard_undo(&typed)
                                   : edgernn_keyboard_push(&typed, key.character, key.dx, key.dy);
    change(shown);
    print(shown);
  }
  return 0;
}
