/* A recogniser of toy steps: features gives the samples as they are, two frames a block; encoder
 * the third of three frames, DELAY vectors late; predictor halves its state and adds a row of its
 * label; joiner adds. */
#include "toy.h"

#include "recognizer.h"
#include "recognizer_saved.h"

#define HOP 3
#define ONCE (16 + ENCODER + 16 + 16 + TOY_ROOM(2) + TOY_ROOM(HOP) + KEPT + TOY_ROOM(2) + TOY_ROOM(1))
#define TOY_ROOM(count) EDGERNN_ROOM(4u * LABELS * (count))
#define ENCODER TOY_ROOM(DELAY + 1)
#define KEPT (DELAY ? ENCODER + TOY_ROOM(HOP) : 0u)

static void no_reset(void *state) { *(float *)state = 0.0f; }

static void copy(float *to, const float *from, int count) {
  for (int i = 0; i < count; ++i) to[i] = from[i];
}

static void features(void *state, void *scratch, const float *in, float *out) {
  *(float *)state = *(float *)scratch = 1.0f;
  copy(out, in, 2 * LABELS);
}

static void encoder_reset(void *state) {
  for (int i = 0; i < LABELS * (DELAY + 1); ++i) ((float *)state)[i] = 0.0f;
}

static void encoder(void *state, void *scratch, const float *in, float *out) {
  float *vectors = state;
  *(float *)scratch = 2.0f;
  copy(vectors + DELAY * LABELS, in + (HOP - 1) * LABELS, LABELS);
  copy(out, vectors, LABELS);
  copy(vectors, vectors + LABELS, DELAY * LABELS);
}

static void predictor_reset(void *state) {
  for (int i = 0; i < LABELS; ++i) ((float *)state)[i] = 0.0f;
}

static void predictor(void *state, void *scratch, const int64_t *label, float *out) {
  float *h = state;
  *(float *)scratch = 3.0f;
  for (int i = 0; i < LABELS; ++i) h[i] = 0.5f * h[i] + rows[*label][i];
  copy(out, h, LABELS);
}

static void joiner(void *state, void *scratch, const float *in, float *out) {
  *(float *)state = *(float *)scratch = 4.0f;
  for (int i = 0; i < LABELS; ++i) out[i] = in[i] + in[LABELS + i];
}

static const edgernn_recognizer_model model = {
    .block = 2 * LABELS,
    .frames = 2,
    .channels = LABELS,
    .hop = HOP,
    .delay = DELAY,
    .encoded = LABELS,
    .predicted = LABELS,
    .labels = LABELS,
    .word_ms = 30.0f,
    .features = {4, 4, no_reset, features},
    .encoder = {4 * LABELS * (DELAY + 1), 4, encoder_reset, encoder},
    .predictor = {4 * LABELS, 4, predictor_reset, predictor},
    .joiner = {4, 4, no_reset, joiner},
};

static const edgernn_model package = {.abi = EDGERNN_ABI, .id = {1, 2, 3}, .loop = &model};

uint32_t toy_state_size(void);
uint32_t toy_scratch_size(uint32_t beam);
int toy_init(edgernn_recognizer *r, uint32_t beam, uint32_t end_frames, uint32_t hot, void *memory,
             uint32_t bytes);
void toy_reset(edgernn_recognizer *r);
uint32_t toy_step(edgernn_recognizer *r, const float *samples, const edgernn_word **words);
uint32_t toy_grown(edgernn_hot_place *places, uint32_t room);
uint32_t toy_saved_most(uint32_t beam);
int toy_save(const edgernn_recognizer *r, void *saved, uint32_t bytes);
int toy_restore(edgernn_recognizer *r, const void *saved, uint32_t bytes);

uint32_t toy_state_size(void) { return sizeof(edgernn_recognizer); }

/* What the macro says, or 0 if the function says something else. */
uint32_t toy_scratch_size(uint32_t beam) {
  const uint32_t bytes = EDGERNN_RECOGNIZER_BYTES(beam, ONCE, 2u * TOY_ROOM(1), DELAY ? DELAY : 1u);
  return bytes == edgernn_recognizer_bytes(&model, beam) ? bytes : 0;
}

int toy_init(edgernn_recognizer *r, uint32_t beam, uint32_t end_frames, uint32_t hot, void *memory,
             uint32_t bytes) {
  const edgernn_recognizer_options options = {beam, end_frames, hot ? hot_words : 0};
  return edgernn_recognizer_init(r, &model, &options, memory, bytes);
}

void toy_reset(edgernn_recognizer *r) { edgernn_recognizer_reset(r); }

uint32_t toy_step(edgernn_recognizer *r, const float *samples, const edgernn_word **words) {
  return edgernn_recognizer_push(r, samples, words);
}

/* The phrases of toy.h, added one by one: places that hold something, 0 if there is no room. */
uint32_t toy_grown(edgernn_hot_place *places, uint32_t room) {
  uint32_t count = 1;
  const uint16_t *labels = phrases;
  places[0] = (edgernn_hot_place){0.0f, 0.0f, 0, 0, 0};
  for (unsigned i = 0; i < sizeof worths / sizeof *worths; labels += lengths[i++]) {
    if (edgernn_hot_words_add(places, room, &count, labels, lengths[i], worths[i])) return 0;
  }
  return count;
}

/* By the macro, of states as they are. */
uint32_t toy_saved_most(uint32_t beam) {
  const uint32_t states = 4u + model.encoder.state_bytes + 4u + 4u * HOP * LABELS;
  return EDGERNN_RECOGNIZER_SAVED(beam, 2u * LABELS, states, 8u * LABELS);
}

int toy_save(const edgernn_recognizer *r, void *saved, uint32_t bytes) {
  return edgernn_recognizer_save(r, &package, 0, saved, bytes);
}

int toy_restore(edgernn_recognizer *r, const void *saved, uint32_t bytes) {
  return edgernn_recognizer_restore(r, &package, 0, saved, bytes);
}

#ifdef TOY_MAIN
int main(void) { return 0; }
#endif
