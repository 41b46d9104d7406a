/* What streams and loops share: memory, one call at a time, other threads meanwhile. */
#include "native.h"

#define CACHE_LINE 64u /* vectors of states that cross lines are slower */
#define MEASURED 4     /* first calls, by which it is known how long one takes */
/* A call that takes as long lets other threads run meanwhile. A shorter one keeps the lock of the
 * interpreter: to get it back from a thread that computes takes up to 5 ms. */
#define LONG_NS 20000
#define MANY 16u /* blocks that are taken to be long */

/* ---- opened and closed */

void *native_new(PyTypeObject *type, PyObject *library, uint32_t bytes) {
  native_live *const self = (native_live *)PyType_GenericAlloc(type, 0);
  if (!self) return NULL;
  self->allocated = PyMem_Malloc((size_t)bytes + CACHE_LINE);
  if (!self->allocated) {
    Py_DecRef((PyObject *)self);
    return PyErr_NoMemory();
  }
  const uintptr_t at = (uintptr_t)self->allocated + CACHE_LINE - 1u;
  self->memory = (unsigned char *)(at & ~(uintptr_t)(CACHE_LINE - 1u));
  Py_IncRef(library);
  self->library = (native_library *)library;
  return self;
}

static void let_go(native_live *self) {
  native_library *const library = self->library;
  self->library = NULL;
  PyMem_Free(self->allocated);
  self->allocated = NULL;
  if (library) Py_DecRef((PyObject *)library);
}

void native_dealloc(PyObject *object) {
  PyTypeObject *const type = Py_TYPE(object);
  let_go((native_live *)object);
  PyObject_Free(object);
  Py_DecRef((PyObject *)type);
}

/* ---- what they are opened over, and given */

const void *native_loop(PyTypeObject *type, PyObject *library, const char *kind) {
  const native_state *const state = PyType_GetModuleState(type);
  if (!native_is_library(type, library)) return NULL;
  const edgernn_model *const model = ((native_library *)library)->model;
  const char *a = model->kind, *b = kind;
  while (*a && *a == *b) ++a, ++b;
  if (*a == *b) return model->loop;
  PyErr_Format(state->model_error, "model %s is %s%s; open one that is a %s", model->name,
               *model->kind ? "a " : "steps without a loop", model->kind, kind);
  return NULL;
}

int native_blocks(native_live *live, PyObject *given, uint32_t block, Py_buffer *view) {
  if (PyObject_GetBuffer(given, view, PyBUF_SIMPLE)) return -1;
  const Py_ssize_t count = view->len / (Py_ssize_t)sizeof(float);
  const char *wrong = NULL;
  if (count % block || view->len % (Py_ssize_t)sizeof(float)) wrong = "no whole blocks";
  for (Py_ssize_t at = 0; at < count && !wrong; at += block)
    if (!edgernn_fit((const float *)view->buf + at, block))
      wrong = edgernn_message(EDGERNN_BAD_INPUT);
  if (!wrong) return 0;
  PyBuffer_Release(view);
  PyErr_Format(native_state_of(live)->input_error, "%s: %s; the state is as it was",
               live->library->model->name, wrong);
  return -1;
}

int native_rest(native_live *live, PyObject *given, uint32_t block, Py_buffer *view) {
  if (PyObject_GetBuffer(given, view, PyBUF_SIMPLE)) return -1;
  if (view->len % (Py_ssize_t)sizeof(float) == 0 &&
      view->len < (Py_ssize_t)(block * sizeof(float)))
    return 0;
  PyErr_Format(native_state_of(live)->input_error, "%zd bytes of samples wait; less than a block",
               view->len);
  PyBuffer_Release(view);
  return -1;
}

uint32_t native_bytes(const Py_buffer *view) {
  return view->len > INT32_MAX ? INT32_MAX : (uint32_t)view->len;
}

int native_refused(native_live *live, int error, const Py_buffer *view) {
  if (!error) return 0;
  PyErr_Format(native_state_of(live)->state_error, "%s: %s: %zd bytes; it goes on from its own",
               live->library->model->name, edgernn_message(error), view->len);
  return 1;
}

PyObject *native_none(void) {
  Py_IncRef(Py_None);
  return Py_None;
}

PyObject *native_itself(PyObject *object, PyObject *unused) {
  (void)unused;
  Py_IncRef(object);
  return object;
}

PyObject *native_close(PyObject *object, PyObject *unused) {
  native_live *const self = (native_live *)object;
  (void)unused;
  if (self->library) { /* closing again does nothing */
    if (native_enter(self)) return NULL;
    let_go(self);
    native_leave(self);
  }
  return native_none();
}

/* ---- one call */

int native_enter(native_live *live) {
  const native_state *state;
  if (live->library && !live->busy) {
    live->busy = 1;
    return 0;
  }
  state = native_state_of(live);
  if (live->library)
    PyErr_SetString(state->busy_error, "in use by another thread; give each thread its own");
  else
    PyErr_SetString(state->closed_error, "closed; open a new one");
  return -1;
}

static long now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000L + time.tv_nsec;
}

native_run native_begin(native_live *live, uint32_t blocks) {
  const int known = live->measured == MEASURED;
  const int is_long = blocks > MANY || (known && live->block_ns * (long)blocks >= LONG_NS);
  return (native_run){is_long ? PyEval_SaveThread() : NULL, known ? 0 : now_ns()};
}

void native_end(native_live *live, native_run run, uint32_t blocks) {
  if (run.start && blocks) {
    const long took = (now_ns() - run.start) / (long)blocks;
    if (!live->measured++ || took < live->block_ns) live->block_ns = took;
  }
  if (run.thread) PyEval_RestoreThread(run.thread);
}
