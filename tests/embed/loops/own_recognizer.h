#include "digits.h"

typedef edgernn_recognizer loop;
typedef edgernn_word word;
#define PACKAGE digits_package
#define MODEL digits_recognizer_model
#define LABELS digits_recognizer_labels
#define WORD_MS digits_recognizer_model.word_ms
#define BYTES DIGITS_RECOGNIZER_BYTES(4)
#define SAVED_BYTES DIGITS_RECOGNIZER_SAVED_BYTES(4)
#define INIT edgernn_recognizer_init(&heard, &MODEL, &options, memory, sizeof memory)
#define PUSH edgernn_recognizer_push
#define SAVED_NOW edgernn_recognizer_saved_bytes
#define SAVE edgernn_recognizer_save
#define RESTORE edgernn_recognizer_restore
#define FINISH                                             \
  const word *last;                                        \
  const uint32_t left = edgernn_recognizer_finish(&heard, &last); \
  print(last, left)

static const edgernn_recognizer_options options = {.beam = 4};
