/* Runs a compiled step on golden inputs and compares a hash of all it gave with the expected one.
 *
 * golden.h is generated for the step; it defines GOLDEN_STEPS, GOLDEN_HASH, GOLDEN_STATE_BYTES,
 * GOLDEN_SCRATCH_BYTES, the input tables (flash), the output arrays, GOLDEN_INIT, and the two
 * macros GOLDEN_STEP(t) and GOLDEN_FOLD(hash). Prints hash= and stack=; exits 0 when the hash is
 * the expected one, 1 when it is not, 2 when the step refuses its state.
 */
#include "golden.h"
#include "port.h"
#include "print.h"

#define PAINT 0xC5C5C5C5u
#define UNPAINTED_WORDS 32 /* room for the frame of the painter itself */

/* FNV-1a, 32 bits (Fowler, Noll, Vo). */
static uint32_t fold(uint32_t hash, const void *data, uint32_t bytes) {
  const unsigned char *p = data;
  while (bytes--) hash = (hash ^ *p++) * 16777619u;
  return hash;
}

/* Counting tools watch for these two addresses; their bodies differ so that they stay two. */
void edgernn_mark_begin(void);
void edgernn_mark_end(void);
__attribute__((noinline)) void edgernn_mark_begin(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline)) void edgernn_mark_end(void) { __asm__ volatile("nop" ::: "memory"); }

static volatile uint32_t *stack_pointer(void) {
  volatile uint32_t *sp;
  __asm__ volatile("mov %0, sp" : "=r"(sp));
  return sp;
}

static void paint_stack(void) {
  volatile uint32_t *top = stack_pointer() - UNPAINTED_WORDS;
  for (volatile uint32_t *p = port_stack_limit(); p < top; ++p) *p = PAINT;
}

static uint32_t stack_bytes_below(volatile uint32_t *top) {
  volatile uint32_t *p = port_stack_limit();
  while (p < top && *p == PAINT) ++p;
  return (uint32_t)((uintptr_t)top - (uintptr_t)p);
}

static unsigned char state[GOLDEN_STATE_BYTES + 16] __attribute__((aligned(16)));
static unsigned char scratch[GOLDEN_SCRATCH_BYTES + 16] __attribute__((aligned(16)));

int main(void) {
  uint32_t hash = 2166136261u;
  if (GOLDEN_INIT(state, GOLDEN_STATE_BYTES)) return 2;
  paint_stack();
  volatile uint32_t *top = stack_pointer();
  for (uint32_t t = 0; t < GOLDEN_STEPS; ++t) {
    edgernn_mark_begin();
    GOLDEN_STEP(t);
    edgernn_mark_end();
    GOLDEN_FOLD(hash);
  }
  uint32_t used = stack_bytes_below(top);
  hash = fold(hash, state, GOLDEN_STATE_BYTES);
  print_number("hash=0x", hash, 16, "\n");
  print_number("stack=", used, 10, "\n");
  return hash == GOLDEN_HASH ? 0 : 1;
}
