/* `Recognizer(library, beam, end_ms, phrases)`: blocks of samples in, words out. */
#include "hearing.h"
#include "recognizer.h"
#include "recognizer_saved.h"

typedef struct {
  native_hearing heard;
  edgernn_recognizer loop;
  edgernn_hot_place *places;
} native_recognizer;

NATIVE_CALLS(recognizer);

/* ---- opened and closed */

/* phrases: (labels, worth) of each. A place for every label and the root is enough. */
static int plant(native_recognizer *self, PyObject *phrases) {
  const Py_ssize_t count = PyTuple_Size(phrases);
  uint32_t room = 1, used = 1;
  for (Py_ssize_t i = 0; i < count; ++i)
    room += (uint32_t)PyTuple_Size(PyTuple_GetItem(PyTuple_GetItem(phrases, i), 0));
  if (PyErr_Occurred()) return -1;
  self->places = PyMem_Malloc(room * sizeof *self->places);
  uint16_t *const labels = PyMem_Malloc(room * sizeof *labels);
  if (!self->places || !labels) PyErr_NoMemory();
  if (self->places) self->places[0] = (edgernn_hot_place){0};
  for (Py_ssize_t i = 0; i < count && !PyErr_Occurred(); ++i) {
    PyObject *words;
    float worth;
    if (!PyArg_ParseTuple(PyTuple_GetItem(phrases, i), "Of", &words, &worth)) break;
    const uint32_t length = (uint32_t)PyTuple_Size(words);
    for (uint32_t k = 0; k < length; ++k)
      labels[k] = (uint16_t)PyLong_AsLong(PyTuple_GetItem(words, k));
    if (edgernn_hot_words_add(self->places, room, &used, labels, length, worth))
      PyErr_Format(native_state_of(self)->input_error,
                   "hot words: above the most of 65,535 labels at phrase %zd", i);
  }
  PyMem_Free(labels);
  return PyErr_Occurred() ? -1 : 0;
}

/* Frames of the encoder's in so much time, rounded up. */
static uint32_t frames_of(double ms, double word_ms) {
  const double count = ms / word_ms < 1e9 ? ms / word_ms : 1e9;
  return (uint32_t)count + (count > (double)(uint32_t)count);
}

static PyObject *recognizer_new(PyTypeObject *type, PyObject *args, PyObject *names) {
  edgernn_recognizer_options options = {0};
  PyObject *library, *phrases;
  double end_ms;
  (void)names;
  if (!PyArg_ParseTuple(args, "OIdO:Recognizer", &library, &options.beam, &end_ms, &phrases))
    return NULL;
  const edgernn_recognizer_model *const model = native_loop(type, library, "recognizer");
  if (!model) return NULL;
  const native_state *const state = PyType_GetModuleState(type);
  if (!options.beam || options.beam > EDGERNN_RECOGNIZER_MOST_BEAM)
    return PyErr_Format(state->input_error, "beam %u; need 1 to %u", options.beam,
                        EDGERNN_RECOGNIZER_MOST_BEAM);
  const uint32_t bytes = edgernn_recognizer_bytes(model, options.beam);
  native_recognizer *const self = native_new(type, library, bytes);
  if (!self) return NULL;
  self->heard.calls = &calls;
  self->heard.loop = &self->loop;
  if (PyTuple_Size(phrases) && plant(self, phrases)) {
    Py_DecRef((PyObject *)self);
    return NULL;
  }
  options.hot = self->places;
  options.end_frames = frames_of(end_ms, (double)model->word_ms);
  edgernn_recognizer_init(&self->loop, model, &options, self->heard.live.memory, bytes);
  return (PyObject *)self;
}

static void recognizer_dealloc(PyObject *object) {
  PyMem_Free(((native_recognizer *)object)->places);
  native_dealloc(object);
}

/* ---- what is heard */

static int append_words(PyObject *list, native_recognizer *self, const edgernn_word *words,
                        uint32_t count) {
  const edgernn_model *const model = self->heard.live.library->model;
  for (uint32_t i = 0; i < count; ++i) {
    const double ms = ((double)words[i].frame + 1.0) * (double)self->loop.model->word_ms;
    PyObject *const one = Py_BuildValue("sddI", model->labels[words[i].label], ms,
                                        (double)words[i].score, (unsigned)words[i].utterance);
    const int failed = !one || PyList_Append(list, one);
    if (one) Py_DecRef(one);
    if (failed) return -1;
  }
  return 0;
}

static PyObject *recognizer_push(PyObject *object, PyObject *samples) {
  native_recognizer *const self = (native_recognizer *)object;
  Py_buffer view;
  if (native_enter(&self->heard.live)) return NULL;
  const uint32_t block = self->loop.model->block;
  if (native_blocks(&self->heard.live, samples, block, &view)) {
    native_leave(&self->heard.live);
    return NULL;
  }
  PyObject *const list = PyList_New(0);
  const float *at = view.buf, *const end = at + view.len / (Py_ssize_t)sizeof *at;
  int failed = !list;
  for (; at < end && !failed; at += block) {
    const edgernn_word *words;
    const native_run run = native_begin(&self->heard.live, 1);
    const uint32_t count = edgernn_recognizer_push(&self->loop, at, &words);
    native_end(&self->heard.live, run, 1);
    failed = append_words(list, self, words, count);
  }
  PyBuffer_Release(&view);
  native_leave(&self->heard.live);
  if (!failed) return list;
  if (list) Py_DecRef(list);
  return NULL;
}

static PyObject *recognizer_finish(PyObject *object, PyObject *unused) {
  native_recognizer *const self = (native_recognizer *)object;
  const edgernn_word *words;
  (void)unused;
  if (native_enter(&self->heard.live)) return NULL;
  PyObject *const list = PyList_New(0);
  const uint32_t count = edgernn_recognizer_finish(&self->loop, &words);
  if (list) append_words(list, self, words, count);
  native_leave(&self->heard.live);
  return list;
}

/* (words, score) of each. */
static PyObject *recognizer_readings(PyObject *object, PyObject *unused) {
  native_recognizer *const self = (native_recognizer *)object;
  const edgernn_reading *readings;
  (void)unused;
  if (native_enter(&self->heard.live)) return NULL;
  const uint32_t count = edgernn_recognizer_readings(&self->loop, &readings);
  PyObject *const all = PyList_New(0);
  for (uint32_t i = 0; all && i < count; ++i) {
    PyObject *const list = PyList_New(0);
    if (list) append_words(list, self, readings[i].words, readings[i].count);
    PyObject *const one = Py_BuildValue("Nd", list, (double)readings[i].score);
    if (one) PyList_Append(all, one);
    if (one) Py_DecRef(one);
  }
  native_leave(&self->heard.live);
  return all;
}

static PyMethodDef methods[] = {
    {"push", recognizer_push, METH_O, "push(blocks): (text, ms, score, utterance) of each word."},
    {"finish", recognizer_finish, METH_NOARGS, "finish(): the words that are left, likewise."},
    {"readings", recognizer_readings, METH_NOARGS, "readings(): (words, score) of each."},
    NATIVE_HEARING_METHODS,
    {"close", native_close, METH_NOARGS, "close(): what comes after it raises ClosedError."},
    EDGERNN_NO_METHOD,
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)recognizer_new},
    {Py_tp_dealloc, (void *)recognizer_dealloc},
    {Py_tp_methods, methods},
    EDGERNN_NO_SLOT,
};

PyType_Spec native_recognizer_spec = {"_edgernn.Recognizer", sizeof(native_recognizer), 0,
                                      EDGERNN_HEAP_TYPE, slots};
