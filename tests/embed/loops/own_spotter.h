#include "kws.h"

typedef edgernn_spotter loop;
typedef edgernn_detection word;
#define PACKAGE kws_package
#define MODEL kws_spotter_model
#define LABELS kws_spotter_labels
#define WORD_MS kws_spotter_model.frame_ms
#define BYTES KWS_SPOTTER_BYTES
#define SAVED_BYTES KWS_SPOTTER_SAVED_BYTES
#define INIT edgernn_spotter_init(&heard, &MODEL, memory, sizeof memory)
#define PUSH edgernn_spotter_push
#define SAVED_NOW edgernn_spotter_saved_bytes
#define SAVE edgernn_spotter_save
#define RESTORE edgernn_spotter_restore
#define FINISH (void)0
