/* A keyword spotter's stream: samples to logits, their probabilities averaged, words told once.
 *
 * The twin of edgernn/spotting/detector.py.
 */
#include "spotter.h"

#include "loop_search.h"

#define NONE 0xFFFFFFFFu

static uint32_t step_bytes(const edgernn_spotter_model *m) {
  return EDGERNN_ROOM(m->spot.state_bytes) + EDGERNN_ROOM(m->spot.scratch_bytes);
}

uint32_t edgernn_spotter_bytes(const edgernn_spotter_model *m) {
  return EDGERNN_SPOTTER_BYTES(step_bytes(m), m->frames, m->window, m->labels);
}

int edgernn_spotter_init(edgernn_spotter *s, const edgernn_spotter_model *m, void *memory,
                         uint32_t bytes) {
  unsigned char *at = memory;
  if (bytes < edgernn_spotter_bytes(m) || ((uintptr_t)memory & 15u)) return -1;
  s->model = m;
  s->threshold = m->threshold;
  s->state = take(&at, m->spot.state_bytes);
  s->scratch = take(&at, m->spot.scratch_bytes);
  s->logits = take(&at, m->frames * m->labels * (uint32_t)sizeof(float));
  s->recent = take(&at, m->window * m->labels * (uint32_t)sizeof(float));
  s->mean = take(&at, m->labels * (uint32_t)sizeof(float));
  s->found = take(&at, m->frames * (uint32_t)sizeof(edgernn_detection));
  edgernn_spotter_reset(s);
  return 0;
}

void edgernn_spotter_reset(edgernn_spotter *s) {
  const edgernn_spotter_model *const m = s->model;
  m->spot.reset(s->state);
  for (uint32_t i = 0; i < m->window * m->labels; ++i) s->recent[i] = 0.0f;
  for (uint32_t i = 0; i < m->labels; ++i) s->mean[i] = 0.0f;
  s->frame = s->quiet = s->at = 0;
  s->held = NONE;
}

/* Probabilities of a frame in the place of the oldest ones, and the mean over the window. */
static void average(edgernn_spotter *s, const float *logits) {
  const uint32_t labels = s->model->labels, window = s->model->window;
  float *const now = s->recent + s->at * labels;
  float most = logits[0], sum = 0.0f;
  for (uint32_t i = 1; i < labels; ++i) most = logits[i] > most ? logits[i] : most;
  for (uint32_t i = 0; i < labels; ++i) sum += now[i] = exp_below(logits[i] - most);
  for (uint32_t i = 0; i < labels; ++i) now[i] /= sum, s->mean[i] = 0.0f;
  s->at = s->at + 1u == window ? 0u : s->at + 1u;
  for (uint32_t age = 0; age < window; ++age) { /* from the oldest on */
    const uint32_t row = s->at + age < window ? s->at + age : s->at + age - window;
    for (uint32_t i = 0; i < labels; ++i) s->mean[i] += s->recent[row * labels + i];
  }
  for (uint32_t i = 0; i < labels; ++i) s->mean[i] /= (float)window;
}

static uint32_t best_keyword(const edgernn_spotter *s) {
  uint32_t best = NONE;
  for (uint32_t i = 0; i < s->model->labels; ++i)
    if (s->model->keywords[i] && (best == NONE || s->mean[i] > s->mean[best])) best = i;
  return best;
}

/* Whether a word was spoken by now; it is put down there. */
static int detects(edgernn_spotter *s, const float *logits, edgernn_detection *word) {
  average(s, logits);
  const uint32_t frame = s->frame++, best = best_keyword(s);
  if (s->held != NONE && s->mean[s->held] < s->threshold / 2.0f) s->held = NONE;
  if (s->quiet) return s->quiet--, 0;
  if (best == NONE || s->mean[best] < s->threshold || best == s->held) return 0;
  s->quiet = s->model->refractory;
  s->held = best;
  *word = (edgernn_detection){best, frame, s->mean[best]};
  return 1;
}

uint32_t edgernn_spotter_push(edgernn_spotter *s, const float *samples,
                              const edgernn_detection **words) {
  const edgernn_spotter_model *const m = s->model;
  uint32_t count = 0;
  m->spot.step(s->state, s->scratch, samples, s->logits);
  for (uint32_t i = 0; i < m->frames; ++i)
    count += (uint32_t)detects(s, s->logits + i * m->labels, &s->found[count]);
  *words = s->found;
  return count;
}
