/* What JavaScript asks beside the functions of stream.h and of the loop: where the model lies, what
 * it is, how much room a stream and a loop take. What it reads of C's structs is asserted here. */
#include "@NAME@_package.h"

#define AT(type, field, place) \
  _Static_assert(__builtin_offsetof(type, field) == (place), "the package's .js reads " #field)
#define BYTES(type, bytes) _Static_assert(sizeof(type) == (bytes), "the package's .js reads " #type)

static const char description[] = @DESCRIPTION@;

const edgernn_model *edgernn_package(void);
const char *edgernn_description(void);
uint32_t edgernn_stream_room(void);

const edgernn_model *edgernn_package(void) { return &@NAME@_package; }
const char *edgernn_description(void) { return description; }
uint32_t edgernn_stream_room(void) { return sizeof(edgernn_stream); }
