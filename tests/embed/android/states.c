/* States between the package for C and another: `states save FRAMES STATE COUNT` writes the one
 * behind so many frames, `states restore FRAMES STATE COUNT` what comes out from there on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kws.h"

static unsigned char memory[1 << 20] __attribute__((aligned(16)));
static unsigned char saved[1 << 16];

int main(int words, char **word) {
  edgernn_stream stream;
  float x[320], y[12];
  const void *in[] = {x};
  void *out[] = {y};
  if (words != 5 || edgernn_stream_open(&stream, &kws_package, 0, memory, sizeof memory)) return 2;
  const uint32_t bytes = edgernn_stream_saved_bytes(&stream);
  const long count = atol(word[4]);
  FILE *const frames = fopen(word[2], "rb");
  FILE *const state = fopen(word[3], strcmp(word[1], "save") ? "rb" : "wb");
  if (!strcmp(word[1], "save")) {
    for (long i = 0; i < count; ++i)
      if (fread(x, 4, 320, frames) != 320 || edgernn_stream_step(&stream, in, out)) return 3;
    if (edgernn_stream_save(&stream, saved, bytes)) return 4;
    fwrite(saved, 1, bytes, state);
    return fclose(state);
  }
  if (fread(saved, 1, bytes, state) != bytes) return 5;
  if (edgernn_stream_restore(&stream, saved, bytes)) return 6;
  fseek(frames, count * (long)sizeof x, SEEK_SET);
  while (fread(x, 4, 320, frames) == 320) {
    if (edgernn_stream_step(&stream, in, out)) return 7;
    fwrite(y, 4, 12, stdout);
  }
  return 0;
}
