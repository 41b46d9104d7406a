/* A spotter's saved state: the same bytes on every CPU and in every language. Any spotter of the
 * same model goes on from it with the same bits; its threshold stays its own.
 *
 *   static unsigned char saved[SPOTTER_SAVED_BYTES];
 *
 *   edgernn_spotter_save(&heard, &package, 0, saved, sizeof saved);
 *   edgernn_spotter_restore(&heard, &package, 0, saved, sizeof saved);
 *
 * Each gives EDGERNN_OK or an error, after which the spotter stands where it stood.
 */
#ifndef EDGERNN_SPOTTER_SAVED_H
#define EDGERNN_SPOTTER_SAVED_H

#include "spotter.h"
#include "stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that a saved state takes. */
#define EDGERNN_SPOTTER_SAVED(state, block, window, labels) \
  (EDGERNN_SAVED_HEAD + (state) + 4u * (5u + (block) + ((window) + 1u) * (labels)))

uint32_t edgernn_spotter_saved_bytes(const edgernn_spotter *s);

/* model: the package that the spotter's loop is of. rest: samples that wait for their block; 0 where
 * none do. */
int edgernn_spotter_save(const edgernn_spotter *s, const edgernn_model *model,
                         const edgernn_rest *rest, void *saved, uint32_t bytes);

/* rest: room for a block; with 0 a state behind which samples wait is EDGERNN_BAD_MEMORY. */
int edgernn_spotter_restore(edgernn_spotter *s, const edgernn_model *model, edgernn_rest *rest,
                            const void *saved, uint32_t bytes);

#ifdef __cplusplus
}
#endif
#endif
