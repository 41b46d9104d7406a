/* `_edgernn`: streams and loops over a model that is loaded from a shared library.
 *
 * The same for every model: what it is given lies in the library. The package around it has the
 * errors that are raised here, and the API.
 */
#include "native.h"

static PyObject *attribute(const char *module, const char *name) {
  PyObject *const found = PyImport_ImportModule(module);
  if (!found) return NULL;
  PyObject *const value = PyObject_GetAttrString(found, name);
  Py_DecRef(found);
  return value;
}

static int add_types(PyObject *module) {
  PyType_Spec *const specs[] = {&native_library_spec, &native_stream_spec, &native_spotter_spec,
                                &native_recognizer_spec, &native_keyboard_spec};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; ++i) {
    const char *name = specs[i]->name + sizeof "_edgernn." - 1;
    PyObject *const type = PyType_FromModuleAndSpec(module, specs[i], NULL);
    if (!type) return -1;
    if (!i) ((native_state *)PyModule_GetState(module))->library = type; /* and holds it */
    if (PyModule_AddObjectRef(module, name, type)) return -1;
    if (i) Py_DecRef(type);
  }
  return 0;
}

/* `use(errors)`: the package's own, in the order of native_state. Once, when it is imported. */
static PyObject *use(PyObject *module, PyObject *errors) {
  native_state *const state = PyModule_GetState(module);
  PyObject **const places[] = {&state->model_error, &state->input_error, &state->state_error,
                               &state->closed_error, &state->busy_error};
  for (Py_ssize_t i = 0; i < (Py_ssize_t)(sizeof places / sizeof *places); ++i) {
    PyObject *const error = PyTuple_GetItem(errors, i);
    if (!error) return NULL;
    Py_IncRef(error);
    *places[i] = error;
  }
  return native_none();
}

static int set_up(PyObject *module) {
  native_state *const state = PyModule_GetState(module);
  state->empty = attribute("numpy", "empty");
  return state->empty ? add_types(module) : -1;
}

native_state *native_state_of(void *object) { return PyType_GetModuleState(Py_TYPE(object)); }

int native_is_library(PyTypeObject *type, PyObject *object) {
  const native_state *const state = PyType_GetModuleState(type);
  if ((PyObject *)Py_TYPE(object) == state->library) return 1;
  PyErr_SetString(PyExc_TypeError, "need a Library");
  return 0;
}

static PyMethodDef functions[] = {
    {"use", use, METH_O, "use(errors): what to raise, from the package."},
    EDGERNN_NO_METHOD,
};

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)set_up}, EDGERNN_NO_SLOT};

static PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_edgernn",
    .m_doc = "Live streams over a compiled model.",
    .m_size = sizeof(native_state),
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__edgernn(void);
PyMODINIT_FUNC PyInit__edgernn(void) { return PyModuleDef_Init(&definition); }
