/* `Library(path)`: a model's shared library, loaded. */
#include "native.h"

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
