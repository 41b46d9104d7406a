/* A loop that hears, saved in the middle: `hears save|through|restore SAMPLES STATE COUNT`.
 *
 * Behind COUNT samples it is written to STATE (save), or goes on (through); or it goes on from there
 * (restore). What is heard from there on is printed, a word a line: text, milliseconds, the score's
 * bits. own.h names the model's own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

static loop heard;
static unsigned char memory[BYTES] __attribute__((aligned(16)));
static unsigned char saved[SAVED_BYTES];
static float block[1 << 12];
static edgernn_rest rest = {block, 0};

static void print(const word *words, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t bits;
    memcpy(&bits, &words[i].score, sizeof bits);
    printf("%s %.3f %u\n", LABELS[words[i].label], (words[i].frame + 1.0) * (double)WORD_MS, bits);
  }
}

static void hear(FILE *samples, long count, int shown) {
  while (count-- && fread(block + rest.count, sizeof *block, 1, samples) == 1) {
    const word *words;
    if (++rest.count < MODEL.block) continue;
    rest.count = 0;
    const uint32_t found = PUSH(&heard, block, &words);
    if (shown) print(words, found);
  }
}

int main(int words, char **argument) {
  if (words != 5 || INIT) return 2;
  FILE *const samples = fopen(argument[2], "rb");
  const long count = atol(argument[4]);
  if (!strcmp(argument[1], "restore")) {
    FILE *const state = fopen(argument[3], "rb");
    const uint32_t bytes = (uint32_t)fread(saved, 1, sizeof saved, state);
    if (RESTORE(&heard, &PACKAGE, &rest, saved, bytes)) return 3;
    fseek(samples, count * (long)sizeof *block, SEEK_SET);
  } else {
    hear(samples, count, 0);
  }
  if (!strcmp(argument[1], "save")) {
    FILE *const state = fopen(argument[3], "wb");
    const uint32_t bytes = SAVED_NOW(&heard);
    if (bytes > sizeof saved || SAVE(&heard, &PACKAGE, &rest, saved, sizeof saved)) return 4;
    fwrite(saved, 1, bytes, state);
    return fclose(state);
  }
  hear(samples, -1, 1);
  FINISH;
  return 0;
}
