/* Saved states: a head, and a walk over all that changes behind it. Not to be called from elsewhere
 * than streams and loops.
 *
 * One function walks over what a stream or a loop holds, whatever is done with it on the way: so
 * what is measured, written, checked and read is the same. A walk that checks writes nothing.
 */
#ifndef EDGERNN_SAVED_H
#define EDGERNN_SAVED_H

#include "stream.h"

#define EDGERNN_SAVED_LOOP 0xFFFFFFFFu /* in the place of a step */
#define EDGERNN_ANY 0xFFFFFFFFu        /* no number is too large */

typedef enum { EDGERNN_MEASURES, EDGERNN_WRITES, EDGERNN_CHECKS, EDGERNN_READS } edgernn_way;

/* wrong: the error that was met first. */
typedef struct {
  edgernn_way way;
  unsigned char *at;
  uint32_t bytes, room;
  int wrong;
} edgernn_walk;

typedef void edgernn_walks(edgernn_walk *w, void *over);

/* So many bytes as they lie in memory, the same on every CPU; gives where they lie, as the loop has
 * them or as they were saved: 0 if they are not there. */
const void *edgernn_walk_bytes(edgernn_walk *w, void *own, uint32_t bytes);

/* A number, which is given too, as the loop has it or as it was saved. From least to most, or else
 * the state is damaged: then it is `least`. */
uint32_t edgernn_walk_word(edgernn_walk *w, uint32_t *own, uint32_t least, uint32_t most);
uint32_t edgernn_walk_half(edgernn_walk *w, uint16_t *own, uint32_t least, uint32_t most);
uint32_t edgernn_walk_byte(edgernn_walk *w, uint8_t *own, uint32_t least, uint32_t most);

/* A number that must be the same where it is restored: an option. */
void edgernn_walk_same(edgernn_walk *w, uint32_t option);

/* What is saved must hold. */
void edgernn_walk_need(edgernn_walk *w, int holds);

/* Samples that wait, of a block. */
void edgernn_walk_rest(edgernn_walk *w, edgernn_rest *rest, uint32_t block);

/* CRC-32 of so many bytes behind those of `sum`, which begins at EDGERNN_ANY. */
uint32_t edgernn_crc(uint32_t sum, const void *at, uint32_t bytes);

/* Of a step or of EDGERNN_SAVED_LOOP. */
uint32_t edgernn_saved_bytes(edgernn_walks *walks, void *over);
int edgernn_saved_write(const edgernn_model *model, uint32_t of, edgernn_walks *walks, void *over,
                        void *saved, uint32_t bytes);
int edgernn_saved_read(const edgernn_model *model, uint32_t of, edgernn_walks *walks, void *over,
                       const void *saved, uint32_t bytes);

#endif
