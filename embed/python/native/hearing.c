/* What loops over blocks of sound share: where they begin, and what of them is saved. */
#include "hearing.h"

PyObject *native_block(PyObject *object, PyObject *unused) {
  native_hearing *const self = (native_hearing *)object;
  (void)unused;
  if (native_enter(&self->live)) return NULL;
  native_leave(&self->live);
  return PyLong_FromLong((long)self->calls->block(self->loop));
}

PyObject *native_reset(PyObject *object, PyObject *unused) {
  native_hearing *const self = (native_hearing *)object;
  (void)unused;
  if (native_enter(&self->live)) return NULL;
  self->calls->reset(self->loop);
  native_leave(&self->live);
  return native_none();
}

PyObject *native_save(PyObject *object, PyObject *rest) {
  native_hearing *const self = (native_hearing *)object;
  PyObject *saved = NULL;
  Py_buffer view;
  if (native_enter(&self->live)) return NULL;
  if (!native_rest(&self->live, rest, self->calls->block(self->loop), &view)) {
    const edgernn_rest waits = {view.buf, (uint32_t)((size_t)view.len / sizeof(float))};
    const uint32_t bytes = self->calls->bytes(self->loop);
    saved = PyBytes_FromStringAndSize(NULL, bytes);
    if (saved)
      self->calls->save(self->loop, self->live.library->model, &waits, PyBytes_AsString(saved),
                        bytes);
    PyBuffer_Release(&view);
  }
  native_leave(&self->live);
  return saved;
}

/* The samples that wait in what was saved, as bytes; NULL with an error. */
static PyObject *restored(native_hearing *self, const Py_buffer *view) {
  edgernn_rest waits = {PyMem_Malloc(self->calls->block(self->loop) * sizeof(float)), 0};
  PyObject *rest = NULL;
  if (!waits.samples) return PyErr_NoMemory();
  const int error = self->calls->restore(self->loop, self->live.library->model, &waits, view->buf,
                                         native_bytes(view));
  if (!native_refused(&self->live, error, view))
    rest = PyBytes_FromStringAndSize((const char *)waits.samples,
                                     (Py_ssize_t)(waits.count * sizeof(float)));
  PyMem_Free(waits.samples);
  return rest;
}

PyObject *native_restore(PyObject *object, PyObject *saved) {
  native_hearing *const self = (native_hearing *)object;
  PyObject *rest = NULL;
  Py_buffer view;
  if (native_enter(&self->live)) return NULL;
  if (!PyObject_GetBuffer(saved, &view, PyBUF_SIMPLE)) {
    rest = restored(self, &view);
    PyBuffer_Release(&view);
  }
  native_leave(&self->live);
  return rest;
}
