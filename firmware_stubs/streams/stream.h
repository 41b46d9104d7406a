/* Live streams over the compiled steps of a model: one API for programs and for the bindings of
 * other languages. All memory is the caller's; nothing else is written, so every stream may run in
 * a thread of its own. Each function gives EDGERNN_OK or an error, after which the stream stands
 * where it stood.
 *
 *   edgernn_stream stream;
 *   edgernn_stream_open(&stream, &kws_package, 0, memory, sizeof memory);   at its initial state
 *   edgernn_stream_step(&stream, &samples, &logits);                       and again, step by step
 *
 * A saved state is the same bytes on every CPU and in every language: any stream over the same step
 * of the same model goes on from it with the same bits.
 */
#ifndef EDGERNN_STREAM_H
#define EDGERNN_STREAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EDGERNN_ABI 1u
#define EDGERNN_LARGEST 1e9f /* no sample and no feature is larger; a larger one could end in infinity */
#define EDGERNN_SAVED_HEAD 48u /* bytes of a saved state before the state itself */

enum {
  EDGERNN_OK = 0,
  EDGERNN_BAD_MEMORY = -1,    /* too small, or not 16-aligned */
  EDGERNN_BAD_INPUT = -2,     /* a NaN, an infinity, or above EDGERNN_LARGEST */
  EDGERNN_BAD_STATE = -3,     /* a saved state that is damaged or cut short */
  EDGERNN_OTHER_MODEL = -4,   /* a saved state of another model, step or loop */
  EDGERNN_OTHER_VERSION = -5, /* a saved state, or a model, of another form */
  EDGERNN_CLOSED = -6,
  EDGERNN_NO_STEP = -7,      /* the model has not so many steps */
  EDGERNN_OTHER_OPTIONS = -8 /* a saved state of a loop with other options */
};

typedef struct {
  const char *name, *type; /* "float32", "int64" */
  uint32_t is_float32, item_bytes, count, rank;
  const uint32_t *shape;
} edgernn_port;

typedef struct {
  const char *name;
  uint32_t state_bytes, scratch_bytes, input_count, output_count;
  const edgernn_port *inputs, *outputs;
  double frame_ms; /* real time that a step covers */
  void (*reset)(void *state);
  void (*run)(void *state, void *scratch, const void *const *in, void *const *out);
} edgernn_model_step;

/* What `edgernn embed` writes of a bundle. id: the same for the same weights in the same number
 * type, whatever they were compiled for. kind: of the loop that ties the steps, "" for none. */
typedef struct {
  uint32_t abi;
  const char *name, *version;
  unsigned char id[16];
  uint32_t step_count, label_count, sample_rate;
  const edgernn_model_step *steps;
  const char *const *labels;
  const char *kind;
  const void *loop;
} edgernn_model;

typedef struct {
  const edgernn_model *model; /* 0 once it is closed */
  const edgernn_model_step *step;
  void *state, *scratch;
} edgernn_stream;

/* Samples that an app holds until they are a block, fewer than one: saved with a loop that hears, as
 * if they had been heard. For what restores there must be room for a block. */
typedef struct {
  float *samples;
  uint32_t count;
} edgernn_rest;

/* Bytes of memory that a stream over a step needs; 0 if there is no such step. */
uint32_t edgernn_stream_bytes(const edgernn_model *model, uint32_t step);

/* At the initial state. Model and memory must stay where they are. */
int edgernn_stream_open(edgernn_stream *s, const edgernn_model *model, uint32_t step, void *memory,
                        uint32_t bytes);

/* One step: an array for each port, in its shape. No two may overlap. */
int edgernn_stream_step(edgernn_stream *s, const void *const *in, void *const *out);

/* Back to the initial state. */
int edgernn_stream_reset(edgernn_stream *s);

/* Bytes that a saved state takes. */
uint32_t edgernn_stream_saved_bytes(const edgernn_stream *s);
int edgernn_stream_save(const edgernn_stream *s, void *saved, uint32_t bytes);
int edgernn_stream_restore(edgernn_stream *s, const void *saved, uint32_t bytes);

/* What comes after it gives EDGERNN_CLOSED; the memory is the caller's again. */
int edgernn_stream_close(edgernn_stream *s);

/* Whether every number is finite and none above EDGERNN_LARGEST, as streams ask of their input. */
int edgernn_fit(const float *numbers, uint32_t count);

/* What an error is, in a few words. */
const char *edgernn_message(int error);

#ifdef __cplusplus
}
#endif
#endif
