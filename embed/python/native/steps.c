/* `Stream(library, step)`: a live stream over a step of a model. */
#include "native.h"

typedef struct {
  native_live live;
  edgernn_stream stream;
  PyObject **made; /* arguments of numpy.empty for each output */
  Py_buffer *views;
  const void **in;
  void **out;
  uint32_t made_count;
} native_stream;

static uint32_t port_count(const edgernn_model_step *step) {
  return step->input_count + step->output_count;
}

/* ---- opened and closed */

static PyObject *empty_arguments(const edgernn_port *port) {
  PyObject *const shape = PyTuple_New(port->rank);
  for (uint32_t i = 0; shape && i < port->rank; ++i)
    PyTuple_SetItem(shape, i, PyLong_FromLong((long)port->shape[i]));
  return Py_BuildValue("(Ns)", shape, port->type);
}

/* Room for a call's arrays. */
static int make_room(native_stream *self, const edgernn_model_step *step) {
  const uint32_t all = port_count(step);
  self->views = PyMem_Malloc(all * sizeof *self->views);
  self->in = PyMem_Malloc(step->input_count * sizeof *self->in);
  self->out = PyMem_Malloc(step->output_count * sizeof *self->out);
  self->made = PyMem_Malloc(step->output_count * sizeof *self->made);
  if (!self->views || !self->in || !self->out || !self->made) return -1;
  for (; self->made_count < step->output_count; ++self->made_count)
    self->made[self->made_count] = empty_arguments(&step->outputs[self->made_count]);
  return 0;
}

static PyObject *stream_new(PyTypeObject *type, PyObject *args, PyObject *names) {
  PyObject *library;
  unsigned step;
  (void)names;
  if (!PyArg_ParseTuple(args, "OI:Stream", &library, &step)) return NULL;
  if (!native_is_library(type, library)) return NULL;
  const edgernn_model *const model = ((native_library *)library)->model;
  const uint32_t bytes = edgernn_stream_bytes(model, step);
  native_stream *const self = native_new(type, library, bytes);
  if (!self) return NULL;
  const int error = edgernn_stream_open(&self->stream, model, step, self->live.memory, bytes);
  if (error) {
    PyErr_SetString(native_state_of(self)->model_error, edgernn_message(error));
  } else if (make_room(self, &model->steps[step])) {
    PyErr_NoMemory();
  } else if (!PyErr_Occurred()) {
    return (PyObject *)self;
  }
  Py_DecRef((PyObject *)self);
  return NULL;
}

static void stream_dealloc(PyObject *object) {
  native_stream *const self = (native_stream *)object;
  while (self->made_count)
    if (self->made[--self->made_count]) Py_DecRef(self->made[self->made_count]);
  PyMem_Free(self->made);
  PyMem_Free(self->views);
  PyMem_Free((void *)self->in);
  PyMem_Free((void *)self->out);
  native_dealloc(object);
}

/* ---- arrays */

/* 'f', 'i', 'u' for whole numbers, else what PEP 3118 calls it; by it and its bytes a type is known. */
static char port_kind(const edgernn_port *port) {
  const char *const name = port->type;
  if (name[0] == 'f') return 'f';
  return name[0] == 'b' ? '?' : name[0];
}

static char buffer_kind(const Py_buffer *view) {
  const char *format = view->format ? view->format : "B";
  if (*format == '@' || *format == '=' || *format == '<') ++format;
  if (!format[0] || format[1]) return 0;
  for (const char *c = "efd"; *c; ++c)
    if (*format == *c) return 'f';
  for (const char *c = "bhilqn"; *c; ++c)
    if (*format == *c) return 'i';
  for (const char *c = "BHILQN"; *c; ++c)
    if (*format == *c) return 'u';
  return *format;
}

/* Whether the two are the same but for axes of one. */
static int same_shape(const Py_buffer *view, const edgernn_port *port) {
  int i = 0;
  uint32_t k = 0;
  for (;;) {
    while (i < view->ndim && view->shape[i] == 1) ++i;
    while (k < port->rank && port->shape[k] == 1u) ++k;
    if (i == view->ndim || k == port->rank) return i == view->ndim && k == port->rank;
    if (view->shape[i++] != (Py_ssize_t)port->shape[k++]) return 0;
  }
}

/* why: more than what the array is; it may be 0. */
static int refuse(native_stream *self, PyObject *array, const edgernn_port *port, const char *why) {
  PyObject *const error = native_state_of(self)->input_error;
  const char *const step = self->stream.step->name;
  PyObject *const need = empty_arguments(port);
  PyObject *const shape = PyObject_GetAttrString(array, "shape");
  PyObject *const type = shape ? PyObject_GetAttrString(array, "dtype") : NULL;
  PyErr_Clear();
  if (!need || !type)
    PyErr_Format(error, "%s: %s is no array; need numpy's %s", step, port->name, port->type);
  else
    PyErr_Format(error, "%s: %s is %S in shape %S%s%s; need %s in shape %S", step, port->name, type,
                 shape, *why ? ", " : "", why, port->type, PyTuple_GetItem(need, 0));
  if (need) Py_DecRef(need);
  if (shape) Py_DecRef(shape);
  if (type) Py_DecRef(type);
  return -1;
}

/* The memory of an array for a port: 0, or -1 with an error and nothing to release. */
static int take(native_stream *self, PyObject *array, const edgernn_port *port, int flags,
                Py_buffer *view) {
  if (PyObject_GetBuffer(array, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | flags)) {
    PyErr_Clear();
    return refuse(self, array, port, flags ? "not writable or not in C order" : "not in C order");
  }
  if (view->itemsize == (Py_ssize_t)port->item_bytes && buffer_kind(view) == port_kind(port) &&
      same_shape(view, port))
    return 0;
  PyBuffer_Release(view);
  return refuse(self, array, port, "");
}

static int overlap(const Py_buffer *a, const Py_buffer *b) {
  const char *const x = a->buf, *const y = b->buf;
  return x < y + b->len && y < x + a->len;
}

/* ---- a step */

static int run(native_stream *self) {
  const native_run run = native_begin(&self->live, 1);
  const int error = edgernn_stream_step(&self->stream, self->in, self->out);
  native_end(&self->live, run, 1);
  if (!error) return 0;
  const native_state *const state = native_state_of(self);
  PyErr_Format(state->input_error, "%s: %s; the state is as it was", self->stream.step->name,
               edgernn_message(error));
  return -1;
}

/* The arrays that outputs go to, new ones or those given: one, or a tuple. */
static PyObject *outputs(native_stream *self, PyObject *given) {
  const uint32_t count = self->stream.step->output_count;
  const native_state *const state = native_state_of(self);
  if (given && given != Py_None) {
    if (count != 1 && PyTuple_Size(given) != (Py_ssize_t)count) {
      PyErr_Clear();
      return PyErr_Format(state->input_error, "%s: out: need a tuple of %u arrays",
                          self->stream.step->name, count);
    }
    Py_IncRef(given);
    return given;
  }
  if (count == 1) return PyObject_Call(state->empty, self->made[0], NULL);
  PyObject *const all = PyTuple_New(count);
  for (uint32_t i = 0; all && i < count; ++i)
    PyTuple_SetItem(all, i, PyObject_Call(state->empty, self->made[i], NULL));
  return all;
}

/* Take every array, step, and let them go. */
static int step_through(native_stream *self, PyObject *const *inputs, PyObject *outs) {
  const edgernn_model_step *const step = self->stream.step;
  const uint32_t all = port_count(step);
  uint32_t taken = 0;
  int failed = 0;
  for (; taken < all && !failed; taken += !failed) {
    Py_buffer *const view = &self->views[taken];
    const uint32_t o = taken - step->input_count;
    if (taken < step->input_count) {
      failed = take(self, inputs[taken], &step->inputs[taken], 0, view);
      self->in[taken] = view->buf;
      continue;
    }
    PyObject *const out = step->output_count == 1 ? outs : PyTuple_GetItem(outs, o);
    failed = !out || take(self, out, &step->outputs[o], PyBUF_WRITABLE, view);
    if (failed) break;
    self->out[o] = view->buf;
    for (uint32_t i = 0; i < taken && !failed; ++i)
      if (overlap(&self->views[i], view)) {
        PyBuffer_Release(view);
        failed = refuse(self, out, &step->outputs[o], "in the memory of another one");
      }
  }
  if (!failed) failed = run(self);
  while (taken) PyBuffer_Release(&self->views[--taken]);
  return failed;
}

static PyObject *stream_step(PyObject *object, PyObject *const *args, Py_ssize_t count,
                             PyObject *names) {
  native_stream *const self = (native_stream *)object;
  const Py_ssize_t named = names ? PyTuple_Size(names) : 0;
  if (native_enter(&self->live)) return NULL;
  const edgernn_model_step *const step = self->stream.step;
  PyObject *result = NULL;
  if (named > 1 || (named && PyUnicode_CompareWithASCIIString(PyTuple_GetItem(names, 0), "out")))
    PyErr_SetString(PyExc_TypeError, "step takes arrays by place, and out=");
  else if (count != (Py_ssize_t)step->input_count)
    PyErr_Format(native_state_of(self)->input_error, "%s: %zd inputs; need %u", step->name, count,
                 step->input_count);
  else
    result = outputs(self, named ? args[count] : NULL);
  if (result && step_through(self, args, result)) {
    Py_DecRef(result);
    result = NULL;
  }
  native_leave(&self->live);
  return result;
}

/* ---- states */

static PyObject *stream_reset(PyObject *object, PyObject *unused) {
  native_stream *const self = (native_stream *)object;
  (void)unused;
  if (native_enter(&self->live)) return NULL;
  edgernn_stream_reset(&self->stream);
  native_leave(&self->live);
  return native_none();
}

static PyObject *stream_save(PyObject *object, PyObject *unused) {
  native_stream *const self = (native_stream *)object;
  (void)unused;
  if (native_enter(&self->live)) return NULL;
  const uint32_t bytes = edgernn_stream_saved_bytes(&self->stream);
  PyObject *const saved = PyBytes_FromStringAndSize(NULL, bytes);
  if (saved) edgernn_stream_save(&self->stream, PyBytes_AsString(saved), bytes);
  native_leave(&self->live);
  return saved;
}

static PyObject *stream_restore(PyObject *object, PyObject *saved) {
  native_stream *const self = (native_stream *)object;
  Py_buffer view;
  if (native_enter(&self->live)) return NULL;
  if (PyObject_GetBuffer(saved, &view, PyBUF_SIMPLE)) {
    native_leave(&self->live);
    return NULL;
  }
  const int error = edgernn_stream_restore(&self->stream, view.buf, native_bytes(&view));
  if (error)
    PyErr_Format(native_state_of(self)->state_error,
                 "%s: %s: %zd bytes, a state has %u; the stream goes on from its own",
                 self->stream.step->name, edgernn_message(error), view.len,
                 edgernn_stream_saved_bytes(&self->stream));
  PyBuffer_Release(&view);
  native_leave(&self->live);
  if (error) return NULL;
  return native_none();
}

static PyMethodDef methods[] = {
    {"step", EDGERNN_CALLED(stream_step), METH_FASTCALL | METH_KEYWORDS,
     "step($self, *inputs, out=None)\n--\n\n"
     "One step, an array for each input by place.\n\n"
     "Gives the output, or a tuple of all outputs: new arrays, or those of out.\n"
     "Raises InputError for another shape or type, a NaN, an infinity or what is above 1e9;\n"
     "then the state is as it was."},
    {"reset", stream_reset, METH_NOARGS, "reset($self)\n--\n\nBack to the initial state."},
    {"save", stream_save, METH_NOARGS,
     "save($self)\n--\n\n"
     "The state as bytes, from which any package of this model goes on, in any language."},
    {"restore", stream_restore, METH_O,
     "restore($self, saved)\n--\n\n"
     "Go on from there. Raises StateError for bytes that are damaged, or of another model, step\n"
     "or version; then the state is as it was."},
    {"__enter__", native_itself, METH_NOARGS, NULL},
    {"__exit__", native_close, METH_VARARGS, NULL},
    {"close", native_close, METH_NOARGS, "close($self)\n--\n\nWhat comes after it raises ClosedError."},
    EDGERNN_NO_METHOD,
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A live stream over a step: see Model.stream. One thread at a time."},
    {Py_tp_new, (void *)stream_new},
    {Py_tp_dealloc, (void *)stream_dealloc},
    {Py_tp_methods, methods},
    EDGERNN_NO_SLOT,
};

PyType_Spec native_stream_spec = {"_edgernn.Stream", sizeof(native_stream), 0, EDGERNN_HEAP_TYPE,
                                  slots};
