/* Stream.java: a stream and the arrays of its ports in one run of memory, which Java owns.
 *
 * | edgernn_live | pointers to the ports' arrays | the arrays | the stream's own |, each 16-aligned
 */
#include "jni_names.h"
#include "jni_table.h"
#include "stream.h"

#define ROOM(bytes) (((uint32_t)(bytes) + 15u) & ~15u)

typedef struct {
  edgernn_stream stream;
  const void **in;
  void **out;
} edgernn_live;

static uint32_t ports_bytes(const edgernn_port *ports, uint32_t count) {
  uint32_t bytes = 0;
  for (uint32_t i = 0; i < count; ++i) bytes += ROOM(ports[i].count * ports[i].item_bytes);
  return bytes;
}

static uint32_t head_bytes(const edgernn_model_step *step) {
  return ROOM(sizeof(edgernn_live)) +
         ROOM((step->input_count + step->output_count) * (uint32_t)sizeof(void *));
}

static uint32_t arrays_bytes(const edgernn_model_step *step) {
  return ports_bytes(step->inputs, step->input_count) +
         ports_bytes(step->outputs, step->output_count);
}

JNI_FUNCTION(int32_t, streamBytes)(JNI_CLASS, int64_t number, int32_t step) {
  const edgernn_model *const model = JNI_POINTER(number);
  const edgernn_model_step *const one = &model->steps[step];
  return (int32_t)(head_bytes(one) + arrays_bytes(one) +
                   edgernn_stream_bytes(model, (uint32_t)step));
}

/* At the initial state, in memory of so many bytes. */
JNI_FUNCTION(int32_t, streamOpen)(JNI_CLASS, int64_t at, int64_t number, int32_t step) {
  const edgernn_model *const model = JNI_POINTER(number);
  const edgernn_model_step *const one = &model->steps[step];
  unsigned char *place = JNI_POINTER(at);
  edgernn_live *const live = JNI_POINTER(at);
  live->in = (const void **)(void *)(place + ROOM(sizeof(edgernn_live)));
  live->out = (void **)live->in + one->input_count;
  place += head_bytes(one);
  for (uint32_t i = 0; i < one->input_count + one->output_count; ++i) {
    const int given = i >= one->input_count;
    const edgernn_port *const port =
        given ? &one->outputs[i - one->input_count] : &one->inputs[i];
    if (given)
      live->out[i - one->input_count] = place;
    else
      live->in[i] = place;
    place += ROOM(port->count * port->item_bytes);
  }
  return edgernn_stream_open(&live->stream, model, (uint32_t)step, place,
                             edgernn_stream_bytes(model, (uint32_t)step));
}

/* Where the array of a port lies, counted from the memory's first byte. */
JNI_FUNCTION(int32_t, streamPort)(JNI_CLASS, int64_t at, int32_t output, int32_t port) {
  const edgernn_live *const live = JNI_POINTER(at);
  const unsigned char *const array = output ? live->out[port] : live->in[port];
  return (int32_t)(array - (const unsigned char *)live);
}

/* Over the arrays of the ports. */
JNI_FUNCTION(int32_t, streamStep)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  return edgernn_stream_step(&live->stream, live->in, live->out);
}

JNI_FUNCTION(int32_t, streamReset)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  return edgernn_stream_reset(&live->stream);
}

JNI_FUNCTION(int32_t, streamSavedBytes)(JNI_CLASS, int64_t at) {
  const edgernn_live *const live = JNI_POINTER(at);
  return (int32_t)edgernn_stream_saved_bytes(&live->stream);
}

JNI_FUNCTION(int32_t, streamSave)(JNI_CLASS, int64_t at, jni_object saved, int32_t bytes) {
  const edgernn_live *const live = JNI_POINTER(at);
  return edgernn_stream_save(&live->stream, jni_address(env, saved), (uint32_t)bytes);
}

JNI_FUNCTION(int32_t, streamRestore)(JNI_CLASS, int64_t at, jni_object saved, int32_t bytes) {
  edgernn_live *const live = JNI_POINTER(at);
  return edgernn_stream_restore(&live->stream, jni_address(env, saved), (uint32_t)bytes);
}
