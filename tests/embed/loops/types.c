/* A keyboard, saved in the middle: `types save|through|restore KEYS STATE COUNT`.
 *
 * KEYS holds code points, 32 bits each; a backspace takes back. Behind COUNT of them it is written to
 * STATE and the text to STATE.text (save), or goes on (through); or it goes on from there (restore).
 * From there on a line is printed for each key: the text, a bar, what is offered with its bits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyboard.h"

#define BACK 12u /* keystrokes that can be taken back behind it */

static edgernn_keyboard typed;
static unsigned char memory[KEYBOARD_BYTES(4, 3, 64, 100)] __attribute__((aligned(16)));
static unsigned char saved[sizeof memory + EDGERNN_SAVED_HEAD];
static char text[1 << 12];

static void change(const edgernn_shown *shown) {
  size_t length = strlen(text);
  for (uint32_t i = 0; i < shown->erased; ++i)
    while (length && ((unsigned char)text[--length] & 0xc0u) == 0x80u) continue;
  strcpy(text + length, shown->put);
}

static void print(const edgernn_shown *shown) {
  printf("%s|%s", text, shown->typing);
  for (uint32_t i = 0; i < shown->completion_count; ++i) {
    uint32_t bits;
    memcpy(&bits, &shown->completions[i].share, sizeof bits);
    printf("|%s %u", shown->completions[i].text, bits);
  }
  printf("\n");
}

static void type(FILE *keys, long count, int shown) {
  uint32_t key;
  while (count-- && fread(&key, sizeof key, 1, keys) == 1) {
    const edgernn_shown *const now = key == 8u ? edgernn_keyboard_back(&typed, text)
                                               : edgernn_keyboard_push(&typed, key, 0.0f, 0.0f);
    change(now);
    if (shown) print(now);
  }
}

static FILE *text_file(const char *state, const char *mode) {
  char path[4096];
  snprintf(path, sizeof path, "%s.text", state);
  return fopen(path, mode);
}

int main(int words, char **argument) {
  const edgernn_keyboard_options options = {4, 3, 64, 100, 0, 6.0f};
  if (words != 5) return 2;
  if (edgernn_keyboard_init(&typed, &keyboard_model, &options, memory, sizeof memory)) return 2;
  FILE *const keys = fopen(argument[2], "rb");
  const long count = atol(argument[4]);
  if (!strcmp(argument[1], "restore")) {
    FILE *const state = fopen(argument[3], "rb"), *const whole = text_file(argument[3], "rb");
    const uint32_t bytes = (uint32_t)fread(saved, 1, sizeof saved, state);
    if (edgernn_keyboard_restore(&typed, &keyboard_package, saved, bytes)) return 3;
    text[fread(text, 1, sizeof text - 1, whole)] = 0;
    fseek(keys, count * 4, SEEK_SET);
  } else {
    if (edgernn_keyboard_add(&typed, "Anneliese", 4.0f)) return 4;
    type(keys, count, 0);
  }
  if (!strcmp(argument[1], "save")) {
    FILE *const state = fopen(argument[3], "wb"), *const whole = text_file(argument[3], "wb");
    const uint32_t bytes = edgernn_keyboard_saved_bytes(&typed, BACK);
    if (edgernn_keyboard_save(&typed, &keyboard_package, BACK, saved, sizeof saved)) return 5;
    fwrite(saved, 1, bytes, state);
    fputs(text, whole);
    return fclose(state) | fclose(whole);
  }
  print(edgernn_keyboard_shown(&typed));
  type(keys, -1, 1);
  return 0;
}
