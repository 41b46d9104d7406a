/* The finest clock that a program may read by itself, and the time between two nodes of a step. */
#ifndef EDGERNN_TICKS_H
#define EDGERNN_TICKS_H

#include <stdint.h>

static inline uint64_t edgernn_now(void) {
  uint64_t now;
#if defined(__aarch64__)
  __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(now) : : "memory");
#else
  uint32_t low, high;
  __asm__ volatile("lfence\n rdtsc" : "=a"(low), "=d"(high) : : "memory");
  now = ((uint64_t)high << 32) | low;
#endif
  return now;
}

#ifdef NODES
extern uint64_t edgernn_ticks[NODES + 1];
extern uint64_t edgernn_then;
extern uint32_t edgernn_last;

/* From here on time is that of node `at`. */
static inline void edgernn_tick(uint32_t at) {
  uint64_t now = edgernn_now();
  edgernn_ticks[edgernn_last] += now - edgernn_then;
  edgernn_then = now;
  edgernn_last = at;
}
#endif

#endif
