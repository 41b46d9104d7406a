/* Ten steps of `@STEP@` on zeros, and the first number that comes out of each. */
#include <stdio.h>
#include <stdlib.h>

#include "@NAME@.h"

int main(void) {
  const edgernn_model_step *const step = &@NAME@_package.steps[0];
  const uint32_t bytes = edgernn_stream_bytes(&@NAME@_package, 0);
  void *const memory = aligned_alloc(16, bytes);
  void **const in = calloc(step->input_count, sizeof *in);
  void **const out = calloc(step->output_count, sizeof *out);
  edgernn_stream stream;
  if (!memory || edgernn_stream_open(&stream, &@NAME@_package, 0, memory, bytes)) return 1;
  for (uint32_t i = 0; i < step->input_count; ++i)
    in[i] = calloc(step->inputs[i].count, step->inputs[i].item_bytes);
  for (uint32_t i = 0; i < step->output_count; ++i)
    out[i] = calloc(step->outputs[i].count, step->outputs[i].item_bytes);
  for (int t = 0; t < 10; ++t) {
    const int error = edgernn_stream_step(&stream, (const void *const *)in, out);
    if (error) return fprintf(stderr, "%s\n", edgernn_message(error)), 1;
    printf("%g\n", *(const float *)out[0]);
  }
  return 0;
}
