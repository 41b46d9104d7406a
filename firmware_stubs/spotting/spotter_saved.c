/* What is saved of a spotter: samples that wait, the step's state, what was averaged, and where. */
#include "spotter_saved.h"

#include "saved.h"

typedef struct {
  edgernn_spotter *s;
  edgernn_rest *rest;
} parts;

static void walk(edgernn_walk *w, void *over) {
  const parts *const p = over;
  edgernn_spotter *const s = p->s;
  const edgernn_spotter_model *const m = s->model;
  const uint32_t row = m->labels * (uint32_t)sizeof(float);
  edgernn_walk_rest(w, p->rest, m->block);
  edgernn_walk_word(w, &s->frame, 0, EDGERNN_ANY);
  edgernn_walk_word(w, &s->quiet, 0, m->refractory);
  edgernn_walk_need(w, edgernn_walk_word(w, &s->held, 0, EDGERNN_ANY) + 1u <= m->labels);
  edgernn_walk_word(w, &s->at, 0, m->window - 1u);
  edgernn_walk_bytes(w, s->mean, row);
  edgernn_walk_bytes(w, s->recent, m->window * row);
  edgernn_walk_bytes(w, s->state, m->spot.state_bytes);
}

static parts parts_of(const edgernn_spotter *s, const edgernn_rest *rest) {
  return (parts){(edgernn_spotter *)s, (edgernn_rest *)rest};
}

uint32_t edgernn_spotter_saved_bytes(const edgernn_spotter *s) {
  parts all = parts_of(s, 0);
  return edgernn_saved_bytes(walk, &all);
}

int edgernn_spotter_save(const edgernn_spotter *s, const edgernn_model *model,
                         const edgernn_rest *rest, void *saved, uint32_t bytes) {
  parts all = parts_of(s, rest);
  if (model->loop != s->model) return EDGERNN_OTHER_MODEL;
  return edgernn_saved_write(model, EDGERNN_SAVED_LOOP, walk, &all, saved, bytes);
}

int edgernn_spotter_restore(edgernn_spotter *s, const edgernn_model *model, edgernn_rest *rest,
                            const void *saved, uint32_t bytes) {
  parts all = parts_of(s, rest);
  if (model->loop != s->model) return EDGERNN_OTHER_MODEL;
  return edgernn_saved_read(model, EDGERNN_SAVED_LOOP, walk, &all, saved, bytes);
}
