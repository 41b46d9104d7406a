/* A stand-in for the Java machine on a CPU that has none here: loads the library that Java loads,
 * hands it the one function of JNI that it calls, and runs the frames of a file through a stream.
 *
 *   load LIBRARY PREFIX MODEL|- FRAMES OUT
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *address(const void *env, void *buffer) { return (void)env, buffer; }

static const struct {
  void *before[230];
  void *(*get_direct_buffer_address)(const void *, void *);
} table = {{0}, address};
static const void *env = &table;

static void *library;
static const char *prefix;

static void *native(const char *name) {
  char symbol[200];
  snprintf(symbol, sizeof symbol, "%s%s", prefix, name);
  void *const found = dlsym(library, symbol);
  if (!found) exit((puts(dlerror()), 3));
  return found;
}

#define NATIVE(type, name, ...) ((type(*)(const void *, void *, ##__VA_ARGS__))native(name))

int main(int count, char **words) {
  if (count != 6) return 2;
  library = dlopen(words[1], RTLD_NOW);
  if (!library) return puts(dlerror()), 2;
  prefix = words[2];
  int64_t model = NATIVE(int64_t, "packaged")(&env, 0);
  if (strcmp(words[3], "-")) {
    const int64_t loaded = NATIVE(int64_t, "load", void *)(&env, 0, words[3]);
    char text[500] = "";
    if (!loaded) return NATIVE(int32_t, "fault", void *, int32_t)(&env, 0, text, 499), puts(text), 4;
    model = NATIVE(int64_t, "model", int64_t)(&env, 0, loaded);
    if (!model) return puts("no model"), 4;
  }
  const int32_t bytes = NATIVE(int32_t, "streamBytes", int64_t, int32_t)(&env, 0, model, 0);
  unsigned char *const memory = aligned_alloc(16, ((size_t)bytes + 15) & ~(size_t)15);
  const int64_t at = (int64_t)(uintptr_t)memory;
  if (NATIVE(int32_t, "streamOpen", int64_t, int64_t, int32_t)(&env, 0, at, model, 0)) return 5;
  unsigned char *const in = memory + NATIVE(int32_t, "streamPort", int64_t, int32_t, int32_t)(&env, 0, at, 0, 0);
  unsigned char *const out = memory + NATIVE(int32_t, "streamPort", int64_t, int32_t, int32_t)(&env, 0, at, 1, 0);
  int32_t (*const step)(const void *, void *, int64_t) = NATIVE(int32_t, "streamStep", int64_t);
  FILE *const frames = fopen(words[4], "rb"), *const made = fopen(words[5], "wb");
  while (fread(in, 4, 320, frames) == 320) {
    if (step(&env, 0, at)) return 6;
    fwrite(out, 4, 12, made);
  }
  /* floats as arguments and as results, in the registers that this CPU's Android uses */
  printf("threshold %.4f machine %d\n", NATIVE(float, "spotterThreshold", int64_t)(&env, 0, model),
         NATIVE(int32_t, "machine")(&env, 0));
  memset(in, 0xff, 4); /* a NaN */
  printf("nan %d\n", step(&env, 0, at));
  return fclose(made);
}
