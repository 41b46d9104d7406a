/* A text as it is read while it is typed: `echo "helo wrld " | ./example`. */
#include <stdio.h>

#include "@NAME@.h"

static edgernn_keyboard typed;
static unsigned char memory[KEYBOARD_BYTES(4, 3, 64, 100)] __attribute__((aligned(16)));
static char text[4096];

int main(void) {
  const edgernn_keyboard_options options = {
      .beam = 4, .suggestions = 3, .back = 64, .own = 100, .margin = 6.0f};
  size_t end = 0;
  if (edgernn_keyboard_init(&typed, &keyboard_model, &options, memory, sizeof memory)) return 1;
  edgernn_keyboard_add(&typed, "Anneliese", 1.0f); /* a word of the user's own */
  for (int c; (c = getchar()) != EOF && end < sizeof text - 600;) {
    const edgernn_shown *shown = edgernn_keyboard_push(&typed, (uint32_t)c, 0.0f, 0.0f);
    for (uint32_t i = 0; i < shown->erased; ++i) /* characters, of one byte or of several */
      do --end;
      while ((text[end] & 0xC0) == 0x80);
    for (const char *put = shown->put; *put;) text[end++] = *put++;
  }
  printf("%.*s\n", (int)end, text);
  return 0;
}
