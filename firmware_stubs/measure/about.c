/* Prints the files that say what a machine is, each behind its name. */
#include "port.h"

static const char *const FILES[] = {
    "/proc/version",
    "/proc/meminfo",
    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq",
    "/sys/firmware/devicetree/base/model",
    "/proc/cpuinfo",
};

static char text[1 << 18];

int main(void) {
  for (unsigned k = 0; k < sizeof FILES / sizeof *FILES; ++k) {
    uint32_t length = port_file(FILES[k], text, sizeof text - 1);
    text[length] = 0;
    port_write("== ");
    port_write(FILES[k]);
    port_write("\n");
    port_write(text);
    port_write("\n");
  }
  return 0;
}
