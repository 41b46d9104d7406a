/* `Spotter(library)`: blocks of samples in, words that were heard out. */
#include "hearing.h"
#include "spotter.h"
#include "spotter_saved.h"

typedef struct {
  native_hearing heard;
  edgernn_spotter loop;
} native_spotter;

NATIVE_CALLS(spotter);

static PyObject *spotter_new(PyTypeObject *type, PyObject *args, PyObject *names) {
  PyObject *library;
  (void)names;
  if (!PyArg_ParseTuple(args, "O:Spotter", &library)) return NULL;
  const edgernn_spotter_model *const model = native_loop(type, library, "spotter");
  if (!model) return NULL;
  const uint32_t bytes = edgernn_spotter_bytes(model);
  native_spotter *const self = native_new(type, library, bytes);
  if (!self) return NULL;
  self->heard.calls = &calls;
  self->heard.loop = &self->loop;
  edgernn_spotter_init(&self->loop, model, self->heard.live.memory, bytes);
  return (PyObject *)self;
}

/* All words of the blocks, into an array with room for them; how many. */
static uint32_t hear(edgernn_spotter *loop, const Py_buffer *view, edgernn_detection *found) {
  const uint32_t block = loop->model->block;
  const float *at = view->buf, *const end = at + view->len / (Py_ssize_t)sizeof *at;
  uint32_t count = 0;
  for (; at < end; at += block) {
    const edgernn_detection *words;
    const uint32_t more = edgernn_spotter_push(loop, at, &words);
    for (uint32_t i = 0; i < more; ++i) found[count++] = words[i];
  }
  return count;
}

static PyObject *told(const edgernn_spotter_model *model, const edgernn_detection *found,
                      uint32_t count) {
  PyObject *const list = PyList_New(0);
  for (uint32_t i = 0; list && i < count; ++i) {
    const double ms = ((double)found[i].frame + 1.0) * (double)model->frame_ms;
    PyObject *const one =
        Py_BuildValue("sdd", model->texts[found[i].label], ms, (double)found[i].score);
    if (one) PyList_Append(list, one);
    if (one) Py_DecRef(one);
  }
  return list;
}

static PyObject *spotter_push(PyObject *object, PyObject *samples) {
  native_spotter *const self = (native_spotter *)object;
  const edgernn_spotter_model *const model = self->loop.model;
  PyObject *list = NULL;
  Py_buffer view;
  if (native_enter(&self->heard.live)) return NULL;
  if (!native_blocks(&self->heard.live, samples, model->block, &view)) {
    const uint32_t blocks = (uint32_t)((size_t)view.len / sizeof(float) / model->block);
    edgernn_detection *const found = PyMem_Malloc((size_t)blocks * model->frames * sizeof *found);
    if (found) {
      const native_run run = native_begin(&self->heard.live, blocks);
      const uint32_t count = hear(&self->loop, &view, found);
      native_end(&self->heard.live, run, blocks);
      list = told(model, found, count);
    } else {
      PyErr_NoMemory();
    }
    PyMem_Free(found);
    PyBuffer_Release(&view);
  }
  native_leave(&self->heard.live);
  return list;
}

static PyObject *spotter_threshold(PyObject *object, PyObject *given) {
  native_spotter *const self = (native_spotter *)object;
  float threshold = 0.0f;
  if (!PyArg_ParseTuple(given, "|f:threshold", &threshold)) return NULL;
  if (native_enter(&self->heard.live)) return NULL;
  if (PyTuple_Size(given)) self->loop.threshold = threshold;
  threshold = self->loop.threshold;
  native_leave(&self->heard.live);
  return Py_BuildValue("d", (double)threshold);
}

static PyMethodDef methods[] = {
    {"push", spotter_push, METH_O, "push(blocks): (label, ms, score) of each word heard."},
    {"threshold", spotter_threshold, METH_VARARGS, "threshold([new]): the threshold."},
    NATIVE_HEARING_METHODS,
    {"close", native_close, METH_NOARGS, "close(): what comes after it raises ClosedError."},
    EDGERNN_NO_METHOD,
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)spotter_new},
    {Py_tp_dealloc, (void *)native_dealloc},
    {Py_tp_methods, methods},
    EDGERNN_NO_SLOT,
};

PyType_Spec native_spotter_spec = {"_edgernn.Spotter", sizeof(native_spotter), 0, EDGERNN_HEAP_TYPE,
                                   slots};
