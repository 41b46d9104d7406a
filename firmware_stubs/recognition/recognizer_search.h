/* Beam search, a part of the recogniser's loop: not to be called from elsewhere. */
#ifndef EDGERNN_SEARCH_H
#define EDGERNN_SEARCH_H

#include "recognizer.h"

/* Nothing was said yet. */
void edgernn_search_begin(edgernn_recognizer *r);

/* Take the encoder's vector, the first part of r->both, at r->frame; what is certain is heard. */
void edgernn_search_push(edgernn_recognizer *r);

/* Fill r->readings, the best first; scores are natural logs. */
void edgernn_search_rank(edgernn_recognizer *r);

/* The rest of the best hypothesis is heard; the search begins anew. */
void edgernn_search_end(edgernn_recognizer *r);

#endif
