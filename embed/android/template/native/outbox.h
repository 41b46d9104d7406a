/* Words, numbers and texts from C to Java, one behind the other in memory that both read.
 *
 * With no memory it counts the bytes alone.
 */
#ifndef EDGERNN_OUTBOX_H
#define EDGERNN_OUTBOX_H

#include <stdint.h>

typedef struct {
  unsigned char *at; /* 0: only count */
  uint32_t bytes;
} edgernn_outbox;

static inline void put_bytes(edgernn_outbox *o, const void *from, uint32_t bytes) {
  const unsigned char *const it = (const unsigned char *)from;
  if (o->at)
    for (uint32_t i = 0; i < bytes; ++i) o->at[o->bytes + i] = it[i];
  o->bytes += bytes;
}

static inline void put_word(edgernn_outbox *o, uint32_t word) { put_bytes(o, &word, 4); }

static inline void put_float(edgernn_outbox *o, float number) { put_bytes(o, &number, 4); }

static inline void put_double(edgernn_outbox *o, double number) { put_bytes(o, &number, 8); }

/* Its bytes, and behind them the text; -1 for none. */
static inline void put_text(edgernn_outbox *o, const char *text) {
  uint32_t bytes = 0;
  if (!text) {
    put_word(o, 0xFFFFFFFFu);
    return;
  }
  while (text[bytes]) ++bytes;
  put_word(o, bytes);
  put_bytes(o, text, bytes);
}

#endif
