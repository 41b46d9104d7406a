/* The golden vectors of a package, through its public header: `golden FOLDER [HALF END]`, which
 * writes the first step's state after half of them and after all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include HEADER

#define JOIN(a, b) a##_##b
#define NAME(prefix, name) JOIN(prefix, name)
#define C(name) NAME(PREFIX, name)

static unsigned char *whole(const char *folder, unsigned step, const char *kind, long *bytes) {
  char path[512];
  snprintf(path, sizeof path, "%s/%u.%s", folder, step, kind);
  FILE *const file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) exit(2);
  *bytes = ftell(file);
  rewind(file);
  unsigned char *const data = malloc((size_t)*bytes);
  if (fread(data, 1, (size_t)*bytes, file) != (size_t)*bytes) exit(2);
  fclose(file);
  return data;
}

#ifndef PACKAGE
#define PACKAGE C(package)()
#endif

static void save(const C(stream) *stream, const char *path) {
  static unsigned char saved[1 << 20];
  const uint32_t bytes = C(stream_saved_bytes)(stream);
  FILE *const file = fopen(path, "wb");
  if (!file || C(stream_save)(stream, saved, sizeof saved)) exit(7);
  fwrite(saved, 1, bytes, file);
  fclose(file);
}

int main(int count, char **arguments) {
  const C(model) *const model = PACKAGE;
  if (count != 2 && count != 4) return 2;
  for (unsigned k = 0; k < model->step_count; ++k) {
    const C(model_step) *const step = &model->steps[k];
    long in_bytes, out_bytes;
    unsigned char *const in = whole(arguments[1], k, "in", &in_bytes);
    unsigned char *const out = whole(arguments[1], k, "out", &out_bytes);
    const uint32_t bytes = C(stream_bytes)(model, k);
    void *const memory = aligned_alloc(16, bytes);
    C(stream) stream;
    if (C(stream_open)(&stream, model, k, memory, bytes)) return 3;
    void *given[8], *gave[8];
    for (unsigned i = 0; i < step->input_count; ++i)
      given[i] = aligned_alloc(16, (step->inputs[i].count * step->inputs[i].item_bytes + 15) & ~15u);
    for (unsigned i = 0; i < step->output_count; ++i)
      gave[i] = aligned_alloc(16, (step->outputs[i].count * step->outputs[i].item_bytes + 15) & ~15u);
    long at = 0, told = 0, frames = 0;
    for (; at < in_bytes; ++frames) {
      if (count == 4 && k == 0 && at == in_bytes / 2) save(&stream, arguments[2]);
      for (unsigned i = 0; i < step->input_count; ++i) {
        const size_t size = step->inputs[i].count * step->inputs[i].item_bytes;
        memcpy(given[i], in + at, size);
        at += (long)size;
      }
      if (C(stream_step)(&stream, (const void *const *)given, gave)) return 4;
      for (unsigned i = 0; i < step->output_count; ++i) {
        const size_t size = step->outputs[i].count * step->outputs[i].item_bytes;
        if (memcmp(gave[i], out + told, size)) return 5;
        told += (long)size;
      }
    }
    if (told != out_bytes) return 6;
    if (count == 4 && k == 0) save(&stream, arguments[3]);
    printf("%s %ld\n", step->name, frames);
  }
  return 0;
}
