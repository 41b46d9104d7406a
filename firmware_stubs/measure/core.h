/* One core for the whole measurement: of the fastest that are allowed the one that it runs on. */
#ifndef EDGERNN_CORE_H
#define EDGERNN_CORE_H

#include "files.h"

#define ASKED_CORES 256u

static uint64_t clock_of(uint32_t core) {
  return number_in(path_of(SYSFS "/devices/system/cpu/cpu#/cpufreq/cpuinfo_max_freq", core, 0));
}

/* Its number; -1 where the kernel does not let a program stay. */
static int pin(void) {
  int core = port_core();
  uint64_t most;
  if (core < 0 || port_pin((uint32_t)core)) return -1;
  most = clock_of((uint32_t)core);
  for (uint32_t k = 0; k < ASKED_CORES; ++k) {
    uint64_t clock = clock_of(k);
    if (clock > most && !port_pin(k)) {
      most = clock;
      core = (int)k;
    }
  }
  return core;
}

#endif
