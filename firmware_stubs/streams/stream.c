/* Live streams over compiled steps. Their saved states are a state as it lies in memory behind the
 * head that saved.c tells of.
 */
#include "stream.h"

#include "saved.h"

#define ROOM(bytes) (((uint32_t)(bytes) + 15u) & ~15u)

static uint32_t index_of(const edgernn_stream *s) { return (uint32_t)(s->step - s->model->steps); }

int edgernn_fit(const float *numbers, uint32_t count) {
  uint32_t wrong = 0; /* no branch inside, so that it becomes vectors */
  for (uint32_t i = 0; i < count; ++i) {
    const float x = numbers[i];
    wrong |= !(x <= EDGERNN_LARGEST) | !(x >= -EDGERNN_LARGEST);
  }
  return !wrong;
}

uint32_t edgernn_stream_bytes(const edgernn_model *model, uint32_t step) {
  if (step >= model->step_count) return 0;
  const edgernn_model_step *const one = &model->steps[step];
  const uint32_t bytes = ROOM(one->state_bytes) + ROOM(one->scratch_bytes);
  return bytes ? bytes : 16u;
}

int edgernn_stream_open(edgernn_stream *s, const edgernn_model *model, uint32_t step, void *memory,
                        uint32_t bytes) {
  s->model = 0;
  if (model->abi != EDGERNN_ABI) return EDGERNN_OTHER_VERSION;
  if (step >= model->step_count) return EDGERNN_NO_STEP;
  if (bytes < edgernn_stream_bytes(model, step)) return EDGERNN_BAD_MEMORY;
  if ((uintptr_t)memory & 15u) return EDGERNN_BAD_MEMORY;
  s->model = model;
  s->step = &model->steps[step];
  s->state = memory;
  s->scratch = (unsigned char *)memory + ROOM(s->step->state_bytes);
  s->step->reset(s->state);
  return EDGERNN_OK;
}

int edgernn_stream_step(edgernn_stream *s, const void *const *in, void *const *out) {
  if (!s->model) return EDGERNN_CLOSED;
  const edgernn_model_step *const step = s->step;
  for (uint32_t i = 0; i < step->input_count; ++i)
    if (step->inputs[i].is_float32 && !edgernn_fit(in[i], step->inputs[i].count))
      return EDGERNN_BAD_INPUT;
  step->run(s->state, s->scratch, in, out);
  return EDGERNN_OK;
}

int edgernn_stream_reset(edgernn_stream *s) {
  if (!s->model) return EDGERNN_CLOSED;
  s->step->reset(s->state);
  return EDGERNN_OK;
}

static void walk(edgernn_walk *w, void *over) {
  const edgernn_stream *const s = over;
  edgernn_walk_bytes(w, s->state, s->step->state_bytes);
}

uint32_t edgernn_stream_saved_bytes(const edgernn_stream *s) {
  return s->model ? edgernn_saved_bytes(walk, (void *)s) : 0u;
}

int edgernn_stream_save(const edgernn_stream *s, void *saved, uint32_t bytes) {
  if (!s->model) return EDGERNN_CLOSED;
  return edgernn_saved_write(s->model, index_of(s), walk, (void *)s, saved, bytes);
}

int edgernn_stream_restore(edgernn_stream *s, const void *saved, uint32_t bytes) {
  if (!s->model) return EDGERNN_CLOSED;
  return edgernn_saved_read(s->model, index_of(s), walk, s, saved, bytes);
}

int edgernn_stream_close(edgernn_stream *s) {
  if (!s->model) return EDGERNN_CLOSED;
  s->model = 0;
  return EDGERNN_OK;
}

const char *edgernn_message(int error) {
  switch (error) {
    case EDGERNN_OK: return "no error";
    case EDGERNN_BAD_MEMORY: return "the memory is too small or not 16-aligned";
    case EDGERNN_BAD_INPUT: return "the input has a NaN, an infinity or a number above 1e9";
    case EDGERNN_BAD_STATE: return "the saved state is damaged or cut short";
    case EDGERNN_OTHER_MODEL: return "the saved state belongs to another model, step or loop";
    case EDGERNN_OTHER_VERSION: return "made by another version of edgernn";
    case EDGERNN_CLOSED: return "the stream is closed";
    case EDGERNN_NO_STEP: return "the model has no such step";
    case EDGERNN_OTHER_OPTIONS: return "the saved state is of a loop with other options";
    default: return "an unknown error";
  }
}
