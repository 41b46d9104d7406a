/* Times a step over given frames, one by one, the first apart; by node if it was built with ticks.
 *
 * Reads how many steps to warm up with, how many to time and how many rounds of them (uint32 each),
 * then the frames. Stays on one core. Prints ticks, and behind each round the two clocks that say how
 * long one takes, so that what came before a connection broke can be read.
 */
#include "measured.h"
#include "core.h"
#include "power.h"
#include "print.h"
#include "ticks.h"

#define MOST_STEPS 20000u /* timed in a round */
#define ROOF_TURNS 50u
#define PACE_TURNS 20u
#define PACE_STEPS 4000u

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

/* Ticks of reading as many bytes as the weights have, as fast as they come: the least of some. */
static uint64_t roof(void) {
  static uint64_t data[(ROOF_BYTES + 63) / 64 * 8];
  const uint32_t words = sizeof data / sizeof *data;
  volatile uint64_t kept;
  uint64_t least = ~(uint64_t)0;
  for (uint32_t k = 0; k < words; ++k) data[k] = k; /* pages never written would be one */
  for (uint32_t turn = 0; turn < ROOF_TURNS; ++turn) {
    uint64_t sum = turn, begin = edgernn_now();
    for (uint32_t k = 0; k < words; ++k) sum += data[k];
    begin = edgernn_now() - begin;
    kept = sum;
    if (begin < least) least = begin;
  }
  (void)kept;
  return least;
}

/* Ticks of a chain of sums and products, each of which waits for the one before it: what the core's
 * clock makes of it, whatever memory does. The least of some.
 */
static uint64_t pace(void) {
  volatile uint32_t kept;
  uint64_t least = ~(uint64_t)0;
  for (uint32_t turn = 0; turn < PACE_TURNS; ++turn) {
    uint32_t value = turn;
    uint64_t begin = edgernn_now();
    for (uint32_t k = 0; k < PACE_STEPS; ++k) {
      value = value * 5 + 1;
      __asm__ volatile("" : "+r"(value)); /* or the compiler would do several at once */
    }
    begin = edgernn_now() - begin;
    kept = value;
    if (begin < least) least = begin;
  }
  (void)kept;
  return least;
}

/* How long a tick is, from two readings of each clock, the first when it began. */
static void print_clocks(uint64_t ticks, uint64_t nanoseconds) {
  print_wide("ticks ", edgernn_now() - ticks);
  print_wide("nanoseconds ", port_nanoseconds() - nanoseconds);
}

int main(void) {
  uint64_t used = 0, drawn = 0, ticks, nanoseconds;
  uint32_t at = 0, before = status("VmRSS:"), first;
  int core = pin();
  ticks = edgernn_now();
  nanoseconds = port_nanoseconds();
  if (port_read(&asked, sizeof asked) != sizeof asked || asked.steps > MOST_STEPS) return 2;
  if (port_read(frames, FRAMES * FRAME_BYTES) != FRAMES * FRAME_BYTES) return 3;
  if (measured_init(state, STATE_BYTES + 16)) return 4;
  find_rail();
  first = step(at++);
  if (core >= 0) print_number("core ", (uint32_t)core, 10, "\n");
  print_number("first ", first, 10, "\n");
  for (uint32_t k = 0; k < asked.warm; ++k) step(at++);
#ifdef NODES
  for (uint32_t k = 0; k <= NODES; ++k) edgernn_ticks[k] = 0;
#endif
  for (uint32_t round = 0; round < asked.rounds; ++round) {
    uint64_t paced = pace(), before_round = energy(), after;
    for (uint32_t k = 0; k < asked.steps; ++k) spent[k] = step(at++);
    after = energy();
    paced += pace();
    drawn += rail_microwatts();
    used += after > before_round ? after - before_round : 0; /* it begins anew at times */
    port_write("round\n");
    for (uint32_t k = 0; k < asked.steps; ++k) print_number("", spent[k], 10, "\n");
    print_wide("pace ", paced / 2);
    print_clocks(ticks, nanoseconds);
  }
  print_number("memory_kb ", status("VmHWM:") - before, 10, "\n");
#ifdef NODES
  for (uint32_t k = 0; k <= NODES; ++k) print_wide("node ", edgernn_ticks[k]);
#endif
  print_wide("energy_uj ", used);
  if (rail.found) {
    print_rail();
    print_wide("power_uw ", drawn / asked.rounds);
  }
  print_wide("roof ", roof());
  print_clocks(ticks, nanoseconds);
  return 0;
}
