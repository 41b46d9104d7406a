/* Times a step over given frames, one by one, the first apart; by node if it was built with ticks.
 *
 * Reads how many steps to warm up with, how many to time and how many rounds of them (uint32 each),
 * then the frames. Prints ticks; the two clocks at the end say how long one takes.
 */
#include "measured.h"
#include "port.h"
#include "print.h"
#include "ticks.h"

#define MOST_STEPS 20000u /* timed in a round */

#define ALIGNED __attribute__((aligned(16)))

static char state[STATE_BYTES + 16] ALIGNED, scratch[SCRATCH_BYTES + 16] ALIGNED;
static char frames[FRAMES * FRAME_BYTES] ALIGNED;
static uint32_t spent[MOST_STEPS];
static struct {
  uint32_t warm, steps, rounds;
} asked;

#ifdef NODES
uint64_t edgernn_ticks[NODES + 1];
uint64_t edgernn_then;
uint32_t edgernn_last = NODES; /* what is before the first node */
#endif

static void print_wide(const char *before, uint64_t value) {
  char text[24];
  int i = 23;
  text[i] = 0;
  do {
    text[--i] = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  port_write(before);
  port_write(text + i);
  port_write("\n");
}

/* Kilobytes behind a name in /proc/self/status; 0 where there is none. */
static uint32_t status(const char *name) {
  static char text[4096];
  uint32_t length = port_file("/proc/self/status", text, sizeof text - 1), at = 0;
  text[length] = 0;
  while (at < length) {
    uint32_t k = 0, value = 0;
    while (name[k] && text[at + k] == name[k]) ++k;
    if (!name[k]) {
      for (at += k; text[at] && text[at] != '\n'; ++at)
        if (text[at] >= '0' && text[at] <= '9') value = 10 * value + (uint32_t)(text[at] - '0');
      return value;
    }
    while (at < length && text[at] != '\n') ++at;
    ++at;
  }
  return 0;
}

static uint32_t step(uint32_t at) {
  uint64_t begin = edgernn_now();
#ifdef NODES
  edgernn_then = begin;
#endif
  measured_step(state, scratch, frames + (at % FRAMES) * FRAME_BYTES);
  uint64_t took = edgernn_now() - begin;
  return took < 0xffffffffu ? (uint32_t)took : 0xffffffffu;
}

int main(void) {
  uint64_t ticks = edgernn_now(), nanoseconds = port_nanoseconds();
  uint32_t at = 0, before = status("VmRSS:"), first;
  if (port_read(&asked, sizeof asked) != sizeof asked || asked.steps > MOST_STEPS) return 2;
  if (port_read(frames, FRAMES * FRAME_BYTES) != FRAMES * FRAME_BYTES) return 3;
  if (measured_init(state, STATE_BYTES + 16)) return 4;
  first = step(at++);
  for (uint32_t k = 0; k < asked.warm; ++k) step(at++);
#ifdef NODES
  for (uint32_t k = 0; k <= NODES; ++k) edgernn_ticks[k] = 0;
#endif
  for (uint32_t round = 0; round < asked.rounds; ++round) {
    for (uint32_t k = 0; k < asked.steps; ++k) spent[k] = step(at++);
    port_write("round\n");
    for (uint32_t k = 0; k < asked.steps; ++k) print_number("", spent[k], 10, "\n");
  }
  port_write("end\n");
  print_number("first ", first, 10, "\n");
  print_number("memory_kb ", status("VmHWM:") - before, 10, "\n");
#ifdef NODES
  for (uint32_t k = 0; k <= NODES; ++k) print_wide("node ", edgernn_ticks[k]);
#endif
  print_wide("ticks ", edgernn_now() - ticks);
  print_wide("nanoseconds ", port_nanoseconds() - nanoseconds);
  return 0;
}
