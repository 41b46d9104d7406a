/* Live streams over compiled steps, and their saved states.
 *
 * A saved state: "edgernns", then in little-endian words the form's version, the step, the model's
 * id, the state's bytes and a CRC-32 of all that is not the CRC; zeros up to EDGERNN_SAVED_HEAD; and
 * the state as it lies in memory.
 */
#include "stream.h"

#define SAVED_VERSION 1u
#define AT_VERSION 8u
#define AT_STEP 12u
#define AT_ID 16u
#define AT_BYTES 32u
#define AT_CRC 36u
#define ROOM(bytes) (((uint32_t)(bytes) + 15u) & ~15u)

static const unsigned char mark[8] = {'e', 'd', 'g', 'e', 'r', 'n', 'n', 's'};

static void copy(unsigned char *to, const unsigned char *from, uint32_t bytes) {
  while (bytes--) *to++ = *from++;
}

static int differs(const unsigned char *a, const unsigned char *b, uint32_t bytes) {
  while (bytes--)
    if (*a++ != *b++) return 1;
  return 0;
}

static void put_word(unsigned char *at, uint32_t word) {
  for (uint32_t i = 0; i < 4; ++i) at[i] = (unsigned char)(word >> 8 * i);
}

static uint32_t get_word(const unsigned char *at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t crc(uint32_t sum, const unsigned char *at, uint32_t bytes) {
  while (bytes--) {
    sum ^= *at++;
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (0xEDB88320u & (0u - (sum & 1u)));
  }
  return sum;
}

/* Of the head but for its own place, and of the state. */
static uint32_t check_sum(const unsigned char *head, const unsigned char *state, uint32_t bytes) {
  const uint32_t rest = AT_CRC + 4u;
  uint32_t sum = crc(0xFFFFFFFFu, head, AT_CRC);
  sum = crc(sum, head + rest, EDGERNN_SAVED_HEAD - rest);
  return ~crc(sum, state, bytes);
}

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

uint32_t edgernn_stream_saved_bytes(const edgernn_stream *s) {
  return s->model ? EDGERNN_SAVED_HEAD + s->step->state_bytes : 0u;
}

int edgernn_stream_save(const edgernn_stream *s, void *saved, uint32_t bytes) {
  unsigned char *const head = saved;
  if (!s->model) return EDGERNN_CLOSED;
  if (bytes < edgernn_stream_saved_bytes(s)) return EDGERNN_BAD_MEMORY;
  for (uint32_t i = 0; i < EDGERNN_SAVED_HEAD; ++i) head[i] = 0;
  copy(head, mark, sizeof mark);
  put_word(head + AT_VERSION, SAVED_VERSION);
  put_word(head + AT_STEP, index_of(s));
  copy(head + AT_ID, s->model->id, sizeof s->model->id);
  put_word(head + AT_BYTES, s->step->state_bytes);
  put_word(head + AT_CRC, check_sum(head, s->state, s->step->state_bytes));
  copy(head + EDGERNN_SAVED_HEAD, s->state, s->step->state_bytes);
  return EDGERNN_OK;
}

int edgernn_stream_restore(edgernn_stream *s, const void *saved, uint32_t bytes) {
  const unsigned char *const head = saved;
  if (!s->model) return EDGERNN_CLOSED;
  const uint32_t own = s->step->state_bytes;
  if (bytes < EDGERNN_SAVED_HEAD || differs(head, mark, sizeof mark)) return EDGERNN_BAD_STATE;
  if (get_word(head + AT_VERSION) != SAVED_VERSION) return EDGERNN_OTHER_VERSION;
  if (differs(head + AT_ID, s->model->id, sizeof s->model->id)) return EDGERNN_OTHER_MODEL;
  if (get_word(head + AT_STEP) != index_of(s)) return EDGERNN_OTHER_MODEL;
  if (get_word(head + AT_BYTES) != own || bytes != EDGERNN_SAVED_HEAD + own)
    return EDGERNN_BAD_STATE;
  if (get_word(head + AT_CRC) != check_sum(head, head + EDGERNN_SAVED_HEAD, own))
    return EDGERNN_BAD_STATE;
  copy(s->state, head + EDGERNN_SAVED_HEAD, own);
  return EDGERNN_OK;
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
    case EDGERNN_OTHER_MODEL: return "the saved state belongs to another model or step";
    case EDGERNN_OTHER_VERSION: return "made by another version of edgernn";
    case EDGERNN_CLOSED: return "the stream is closed";
    case EDGERNN_NO_STEP: return "the model has no such step";
    default: return "an unknown error";
  }
}
