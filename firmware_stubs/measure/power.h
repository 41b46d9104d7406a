/* What the machine draws: by its own counter of energy (RAPL), or by a sensor on the board's rail.
 *
 * A sensor of /sys/class/hwmon tells microwatts, or millivolts and milliamperes (INA3221). Of
 * several that which reads most is taken: the input, where others are parts of it.
 */
#ifndef EDGERNN_POWER_H
#define EDGERNN_POWER_H

#include "files.h"

#define RAILS SYSFS "/class/hwmon/hwmon#/"
#define MOST_SENSORS 32u
#define MOST_RAILS 8u

static struct {
  uint32_t sensor, rail; /* rails count from 1 */
  int found;
} rail;

/* Microjoules so far, of all cores; 0 where none are told. */
static uint64_t energy(void) { return number_in(SYSFS "/class/powercap/intel-rapl:0/energy_uj"); }

static uint64_t microwatts(uint32_t sensor, uint32_t at) {
  uint64_t told = number_in(path_of(RAILS "power#_input", sensor, at)), volts;
  if (told) return told;
  volts = number_in(path_of(RAILS "in#_input", sensor, at));
  return volts ? volts * number_in(path_of(RAILS "curr#_input", sensor, at)) : 0;
}

static void find_rail(void) {
  uint64_t most = 0;
  for (uint32_t sensor = 0; sensor < MOST_SENSORS; ++sensor)
    for (uint32_t at = 1; at <= MOST_RAILS; ++at) {
      uint64_t now = microwatts(sensor, at);
      if (now <= most) continue;
      most = now;
      rail.sensor = sensor;
      rail.rail = at;
      rail.found = 1;
    }
}

/* What sensor it is, and which of its rails. */
static void print_rail(void) {
  char name[32];
  uint32_t length = port_file(path_of(RAILS "name", rail.sensor, 0), name, sizeof name - 1), k = 0;
  while (k < length && name[k] > ' ') ++k;
  name[k] = 0;
  port_write(path_of("rail hwmon# rail # ", rail.sensor, rail.rail));
  port_write(name);
  port_write("\n");
}

static uint64_t rail_microwatts(void) {
  return rail.found ? microwatts(rail.sensor, rail.rail) : 0;
}

#endif
