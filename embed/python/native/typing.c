/* `Keyboard(library, beam, suggestions, back, own, capitals, margin)`: keys in, text out. */
#include "native.h"
#include "keyboard.h"
#include "keyboard_saved.h"

#define MOST_BACK 10000u /* a moment is some kilobytes, and their sum is told in 32 bits */

typedef struct {
  native_live live;
  edgernn_keyboard loop;
} native_keyboard;

static PyObject *keyboard_new(PyTypeObject *type, PyObject *args, PyObject *names) {
  edgernn_keyboard_options options = {0};
  PyObject *library;
  (void)names;
  if (!PyArg_ParseTuple(args, "OIIIIIf:Keyboard", &library, &options.beam, &options.suggestions,
                        &options.back, &options.own, &options.no_capitals, &options.margin))
    return NULL;
  const edgernn_keyboard_model *const model = native_loop(type, library, "keyboard");
  if (!model) return NULL;
  const int fits = options.beam <= EDGERNN_KEYBOARD_MOST_BEAM && options.back <= MOST_BACK &&
                   options.suggestions <= EDGERNN_KEYBOARD_MOST_SUGGESTIONS &&
                   options.own <= EDGERNN_KEYBOARD_MOST_OWN;
  const uint32_t bytes = fits ? edgernn_keyboard_bytes(model, &options) : 0u;
  native_keyboard *const self = native_new(type, library, bytes);
  if (!self) return NULL;
  if (fits && !edgernn_keyboard_init(&self->loop, model, &options, self->live.memory, bytes))
    return (PyObject *)self;
  PyErr_Format(native_state_of(self)->input_error,
               "beam %u, suggestions %u, back %u, own %u; need 1 to %u, 1 to %u, 1 to %u, 0 to %u",
               options.beam, options.suggestions, options.back, options.own,
               EDGERNN_KEYBOARD_MOST_BEAM, EDGERNN_KEYBOARD_MOST_SUGGESTIONS, MOST_BACK,
               EDGERNN_KEYBOARD_MOST_OWN);
  Py_DecRef((PyObject *)self);
  return NULL;
}

/* ---- what is shown */

static PyObject *guesses(const edgernn_guess *of, uint32_t count) {
  PyObject *const all = PyTuple_New(count);
  for (uint32_t i = 0; all && i < count; ++i)
    PyTuple_SetItem(all, i, Py_BuildValue("sd", of[i].text, (double)of[i].share));
  return all;
}

static PyObject *told(const edgernn_shown *shown) {
  return Py_BuildValue("IssNNzz", (unsigned)shown->erased, shown->put, shown->typing,
                       guesses(shown->completions, shown->completion_count),
                       guesses(shown->readings, shown->reading_count), shown->before, shown->after);
}

static PyObject *keyboard_push(PyObject *object, PyObject *args) {
  native_keyboard *const self = (native_keyboard *)object;
  unsigned character;
  float dx, dy;
  if (!PyArg_ParseTuple(args, "Iff:push", &character, &dx, &dy)) return NULL;
  if (native_enter(&self->live)) return NULL;
  const native_run run = native_begin(&self->live, 1);
  const edgernn_shown *const shown = edgernn_keyboard_push(&self->loop, character, dx, dy);
  native_end(&self->live, run, 1);
  PyObject *const made = told(shown);
  native_leave(&self->live);
  return made;
}

static PyObject *keyboard_back(PyObject *object, PyObject *args) {
  native_keyboard *const self = (native_keyboard *)object;
  const char *before;
  if (!PyArg_ParseTuple(args, "s:back", &before)) return NULL;
  if (native_enter(&self->live)) return NULL;
  PyObject *const made = told(edgernn_keyboard_back(&self->loop, before));
  native_leave(&self->live);
  return made;
}

static PyObject *keyboard_undo(PyObject *object, PyObject *unused) {
  native_keyboard *const self = (native_keyboard *)object;
  (void)unused;
  if (native_enter(&self->live)) return NULL;
  PyObject *const made = told(edgernn_keyboard_undo(&self->loop));
  native_leave(&self->live);
  return made;
}

static PyObject *keyboard_accept(PyObject *object, PyObject *args) {
  native_keyboard *const self = (native_keyboard *)object;
  const char *word;
  if (!PyArg_ParseTuple(args, "s:accept", &word)) return NULL;
  if (native_enter(&self->live)) return NULL;
  const edgernn_shown *const shown = edgernn_keyboard_accept(&self->loop, word);
  PyObject *const made = shown ? told(shown) : native_none();
  native_leave(&self->live);
  return made;
}

/* Whether it was taken. */
static PyObject *keyboard_add(PyObject *object, PyObject *args) {
  native_keyboard *const self = (native_keyboard *)object;
  const char *word;
  float worth;
  if (!PyArg_ParseTuple(args, "sf:add", &word, &worth)) return NULL;
  if (native_enter(&self->live)) return NULL;
  const int refused = edgernn_keyboard_add(&self->loop, word, worth);
  native_leave(&self->live);
  return PyLong_FromLong(!refused);
}

static PyObject *keyboard_keep(PyObject *object, PyObject *args) {
  native_keyboard *const self = (native_keyboard *)object;
  const char *word;
  if (!PyArg_ParseTuple(args, "s:keep", &word)) return NULL;
  if (native_enter(&self->live)) return NULL;
  const int refused = edgernn_keyboard_keep(&self->loop, word);
  native_leave(&self->live);
  return PyLong_FromLong(!refused);
}

static PyObject *keyboard_begin(PyObject *object, PyObject *unused) {
  native_keyboard *const self = (native_keyboard *)object;
  (void)unused;
  if (native_enter(&self->live)) return NULL;
  edgernn_keyboard_begin(&self->loop);
  PyObject *const made = told(edgernn_keyboard_shown(&self->loop));
  native_leave(&self->live);
  return made;
}

static PyObject *keyboard_save(PyObject *object, PyObject *args) {
  native_keyboard *const self = (native_keyboard *)object;
  unsigned back;
  if (!PyArg_ParseTuple(args, "I:save", &back)) return NULL;
  if (native_enter(&self->live)) return NULL;
  const uint32_t bytes = edgernn_keyboard_saved_bytes(&self->loop, back);
  PyObject *const saved = PyBytes_FromStringAndSize(NULL, bytes);
  if (saved)
    edgernn_keyboard_save(&self->loop, self->live.library->model, back, PyBytes_AsString(saved),
                          bytes);
  native_leave(&self->live);
  return saved;
}

static PyObject *keyboard_restore(PyObject *object, PyObject *saved) {
  native_keyboard *const self = (native_keyboard *)object;
  PyObject *made = NULL;
  Py_buffer view;
  if (native_enter(&self->live)) return NULL;
  if (!PyObject_GetBuffer(saved, &view, PyBUF_SIMPLE)) {
    const int error = edgernn_keyboard_restore(&self->loop, self->live.library->model, view.buf,
                                               native_bytes(&view));
    if (!native_refused(&self->live, error, &view)) made = told(edgernn_keyboard_shown(&self->loop));
    PyBuffer_Release(&view);
  }
  native_leave(&self->live);
  return made;
}

static PyMethodDef methods[] = {
    {"push", keyboard_push, METH_VARARGS, "push(code point, dx, dy): what is shown."},
    {"back", keyboard_back, METH_VARARGS, "back(before): what is shown."},
    {"undo", keyboard_undo, METH_NOARGS, "undo(): what is shown."},
    {"accept", keyboard_accept, METH_VARARGS, "accept(word): what is shown; None: it is no word."},
    {"add", keyboard_add, METH_VARARGS, "add(word, worth): whether there was room for it."},
    {"keep", keyboard_keep, METH_VARARGS, "keep(word): whether there was room for it."},
    {"begin", keyboard_begin, METH_NOARGS, "begin(): an empty text; what is shown."},
    {"save", keyboard_save, METH_VARARGS, "save(back): bytes."},
    {"restore", keyboard_restore, METH_O, "restore(saved): what is shown."},
    {"close", native_close, METH_NOARGS, "close(): what comes after it raises ClosedError."},
    EDGERNN_NO_METHOD,
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)keyboard_new},
    {Py_tp_dealloc, (void *)native_dealloc},
    {Py_tp_methods, methods},
    EDGERNN_NO_SLOT,
};

PyType_Spec native_keyboard_spec = {"_edgernn.Keyboard", sizeof(native_keyboard), 0,
                                    EDGERNN_HEAP_TYPE, slots};
