/* Prints the files that say what a machine is, each behind its name.
 *
 * Under an emulator of programs the files are of the machine below. Its modalias gives that away, and
 * then the core that is played is asked for its number; a real one might not let a program ask.
 */
#include "port.h"
#include "print.h"

static const char *const FILES[] = {
    "/proc/version",
    "/proc/meminfo",
    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq",
    "/sys/firmware/devicetree/base/model",
    "/sys/devices/system/cpu/modalias",
    "/proc/cpuinfo",
};
#define MODALIAS 5

static char text[1 << 18];

#ifdef __aarch64__
static int begins(const char *with) {
  uint32_t k = 0;
  while (with[k] && text[k] == with[k]) ++k;
  return !with[k];
}

static void print_played(void) {
  uint64_t number;
  if (!begins("cpu:type:") || begins("cpu:type:aarch64")) return;
  __asm__("mrs %0, midr_el1" : "=r"(number));
  print_number("== played\n", (uint32_t)number >> 4 & 0xfff, 16, "\n");
}
#else
static void print_played(void) {}
#endif

int main(void) {
  for (unsigned k = 0; k < sizeof FILES / sizeof *FILES; ++k) {
    uint32_t length = port_file(FILES[k], text, sizeof text - 1);
    text[length] = 0;
    port_write("== ");
    port_write(FILES[k]);
    port_write("\n");
    port_write(text);
    port_write("\n");
    if (k == MODALIAS) print_played();
  }
  return 0;
}
