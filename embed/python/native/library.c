/* `Library(path)`: a model's shared library, loaded; and what live things over it share. */
#include "native.h"

#define RTLD_NOW 2
#define RTLD_LOCAL 0

/* Of the C library that Python itself runs on. */
void *dlopen(const char *path, int flags);
void *dlsym(void *handle, const char *symbol);
int dlclose(void *handle);
char *dlerror(void);

/* ---- the library */

static const edgernn_model *model_in(void *handle) {
  const edgernn_model *(*package)(void);
  *(void **)&package = dlsym(handle, "edgernn_package");
  return package ? package() : NULL;
}

static void library_dealloc(PyObject *object) {
  PyTypeObject *const type = Py_TYPE(object);
  void *const handle = ((native_library *)object)->handle;
  if (handle) dlclose(handle);
  PyObject_Free(object);
  Py_DecRef((PyObject *)type);
}

static PyObject *library_new(PyTypeObject *type, PyObject *args, PyObject *names) {
  const native_state *const state = PyType_GetModuleState(type);
  const char *path;
  (void)names;
  if (!PyArg_ParseTuple(args, "s:Library", &path)) return NULL;
  native_library *const self = (native_library *)PyType_GenericAlloc(type, 0);
  if (!self) return NULL;
  self->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!self->handle) {
    const char *const why = dlerror();
    PyErr_SetString(state->model_error, why ? why : "cannot be loaded");
  } else if (!(self->model = model_in(self->handle))) {
    PyErr_SetString(state->model_error, "has no edgernn_package; it is no model");
  } else if (self->model->abi != EDGERNN_ABI) {
    PyErr_Format(state->model_error, "made by another version of edgernn: its form is %u, not %u",
                 self->model->abi, EDGERNN_ABI);
  } else {
    return (PyObject *)self;
  }
  Py_DecRef((PyObject *)self);
  return NULL;
}

/* ---- what is in it */

static PyObject *shape_of(const edgernn_port *port) {
  PyObject *const shape = PyTuple_New(port->rank);
  for (uint32_t i = 0; shape && i < port->rank; ++i)
    PyTuple_SetItem(shape, i, PyLong_FromLong((long)port->shape[i]));
  return shape;
}

static PyObject *ports(const edgernn_port *of, uint32_t count) {
  PyObject *const all = PyTuple_New(count);
  for (uint32_t i = 0; all && i < count; ++i)
    PyTuple_SetItem(all, i, Py_BuildValue("sNs", of[i].name, shape_of(&of[i]), of[i].type));
  return all;
}

static PyObject *steps(const edgernn_model *model) {
  PyObject *const all = PyTuple_New(model->step_count);
  for (uint32_t i = 0; all && i < model->step_count; ++i) {
    const edgernn_model_step *const step = &model->steps[i];
    PyTuple_SetItem(all, i,
                    Py_BuildValue("sNNd", step->name, ports(step->inputs, step->input_count),
                                  ports(step->outputs, step->output_count), step->frame_ms));
  }
  return all;
}

static PyObject *texts(const char *const *of, uint32_t count) {
  PyObject *const all = PyTuple_New(count);
  for (uint32_t i = 0; all && i < count; ++i) PyTuple_SetItem(all, i, Py_BuildValue("s", of[i]));
  return all;
}

static PyObject *about(PyObject *object, PyObject *unused) {
  const edgernn_model *const m = ((native_library *)object)->model;
  (void)unused;
  return Py_BuildValue("sssNINN", m->name, m->kind, m->version,
                       PyBytes_FromStringAndSize((const char *)m->id, sizeof m->id),
                       (unsigned)m->sample_rate, texts(m->labels, m->label_count), steps(m));
}

static PyMethodDef library_methods[] = {
    {"about", about, METH_NOARGS,
     "about(): name, kind, version, id, samples a second, labels, steps."},
    EDGERNN_NO_METHOD,
};

static PyType_Slot library_slots[] = {
    {Py_tp_doc, "Library(path): a model's shared library, loaded."},
    {Py_tp_new, (void *)library_new},
    {Py_tp_dealloc, (void *)library_dealloc},
    {Py_tp_methods, library_methods},
    EDGERNN_NO_SLOT,
};

PyType_Spec native_library_spec = {"_edgernn.Library", sizeof(native_library), 0,
                                   EDGERNN_HEAP_TYPE, library_slots};

/* ---- live things over it */

void *native_new(PyTypeObject *type, PyObject *library, uint32_t bytes) {
  native_live *const self = (native_live *)PyType_GenericAlloc(type, 0);
  if (!self) return NULL;
  self->allocated = PyMem_Malloc((size_t)bytes + 16u);
  if (!self->allocated) {
    Py_DecRef((PyObject *)self);
    return PyErr_NoMemory();
  }
  self->memory = (unsigned char *)(((uintptr_t)self->allocated + 15u) & ~(uintptr_t)15u);
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
