/* Reads keystrokes, a code point and two float32 as the CPU stores them; prints a line for each:
 *
 *   shown ERASED PUT TYPING COUNT SHARE COMPLETION.. COUNT SHARE READING.. [BEFORE AFTER]
 *
 * Texts are a dot and the digits of their UTF-8 in hexadecimal, shares the bits of a float32. A
 * backspace takes back. type.h is generated; it defines the options, and `teach`, which adds the
 * user's words.
 */
#include "type.h"

#include "port.h"
#include "print.h"

#define BACKSPACE 8u

typedef struct {
  uint32_t character;
  float dx, dy;
} keystroke;

static edgernn_keyboard typed;
static unsigned char memory[KEYBOARD_BYTES(BEAM, SUGGESTIONS, BACK, OWN)]
    __attribute__((aligned(16)));

static void print_text(const char *text) {
  char digits[3] = {0, 0, 0};
  port_write(" .");
  for (; *text; ++text) {
    digits[0] = "0123456789abcdef"[(unsigned char)*text >> 4];
    digits[1] = "0123456789abcdef"[(unsigned char)*text & 15u];
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
  const edgernn_keyboard_options options = {BEAM, SUGGESTIONS, BACK, OWN};
  keystroke key;
  if (edgernn_keyboard_init(&typed, &keyboard_model, &options, memory, sizeof memory)) return 2;
  if (teach(&typed)) return 3;
  while (port_read(&key, sizeof key) == sizeof key) {
    if (key.character == BACKSPACE) {
      print(edgernn_keyboard_back(&typed));
    } else {
      print(edgernn_keyboard_push(&typed, key.character, key.dx, key.dy));
    }
  }
  return 0;
}
