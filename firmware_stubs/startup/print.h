/* Numbers as text through a port. */
#ifndef EDGERNN_PRINT_H
#define EDGERNN_PRINT_H

#include "port.h"

static inline void print_number(const char *before, uint32_t value, uint32_t base,
                                const char *after) {
  char text[12];
  int i = 11;
  text[i] = 0;
  do {
    text[--i] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value);
  port_write(before);
  port_write(text + i);
  port_write(after);
}

#endif
