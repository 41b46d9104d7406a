/* A recogniser's saved state: the same bytes on every CPU and in every language. Any recogniser of
 * the same model with the same beam and the same hot words, in their order, goes on from it with the
 * same bits; when an utterance ends stays its own.
 *
 *   static unsigned char saved[RECOGNIZER_SAVED_BYTES(4)];
 *
 *   n = edgernn_recognizer_saved_bytes(&heard);
 *   edgernn_recognizer_save(&heard, &package, 0, saved, sizeof saved);
 *   edgernn_recognizer_restore(&heard, &package, 0, saved, n);
 *
 * Each gives EDGERNN_OK or an error, after which the recogniser stands where it stood.
 */
#ifndef EDGERNN_RECOGNIZER_SAVED_H
#define EDGERNN_RECOGNIZER_SAVED_H

#include "recognizer.h"
#include "stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that a saved state takes at most. states: of all steps but the predictor, with the frames
 * that wait; each: of a hypothesis' predictor. */
#define EDGERNN_RECOGNIZER_SAVED(beam, block, states, each)                                \
  (EDGERNN_SAVED_HEAD + 4u * (10u + (block)) + (states) +                                  \
   (beam) * (4u * 3u + (each) + 16u * (EDGERNN_WORDS(beam) - 1u)))

/* Bytes that it takes now. */
uint32_t edgernn_recognizer_saved_bytes(const edgernn_recognizer *r);

/* model: the package that the recogniser's loop is of. rest: samples that wait for their block; 0
 * where none do. */
int edgernn_recognizer_save(const edgernn_recognizer *r, const edgernn_model *model,
                            const edgernn_rest *rest, void *saved, uint32_t bytes);

/* rest: room for a block; with 0 a state behind which samples wait is EDGERNN_BAD_MEMORY. */
int edgernn_recognizer_restore(edgernn_recognizer *r, const edgernn_model *model,
                               edgernn_rest *rest, const void *saved, uint32_t bytes);

#ifdef __cplusplus
}
#endif
#endif
