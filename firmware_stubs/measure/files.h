/* Numbers in the files of the kernel that say what a machine is and does. */
#ifndef EDGERNN_FILES_H
#define EDGERNN_FILES_H

#include "port.h"

#ifndef SYSFS
#define SYSFS "/sys"
#endif

/* A path with two numbers in it: the marks # in their order. */
static const char *path_of(const char *form, uint32_t first, uint32_t second) {
  static char path[160];
  uint32_t at = 0, value = first;
  for (; *form && at < sizeof path - 12; ++form) {
    if (*form == '#') {
      uint32_t tens = 1;
      while (value / tens >= 10) tens *= 10;
      for (; tens; tens /= 10) path[at++] = (char)('0' + value / tens % 10);
      value = second;
    } else {
      path[at++] = *form;
    }
  }
  path[at] = 0;
  return path;
}

/* The number that a file begins with; 0 where there is none, as for what is negative. */
static uint64_t number_in(const char *path) {
  char text[32];
  uint32_t length = port_file(path, text, sizeof text);
  uint64_t value = 0;
  for (uint32_t k = 0; k < length && text[k] >= '0' && text[k] <= '9'; ++k)
    value = 10 * value + (uint64_t)(text[k] - '0');
  return value;
}

#endif
