/* What the types of the extension share: a model's library, and a live thing over it. */
#ifndef EDGERNN_NATIVE_H
#define EDGERNN_NATIVE_H

#include "stable_abi.h"
#include "stream.h"

/* numpy.empty, the type of libraries, and the package's errors. */
typedef struct {
  PyObject *empty, *library;
  PyObject *model_error, *input_error, *state_error, *closed_error, *busy_error;
} native_state;

/* A shared library that is loaded, and the model in it; live things over it keep it. */
typedef struct {
  PyObject_HEAD
  void *handle;
  const edgernn_model *model;
} native_library;

/* A stream or a loop: first in the struct of each. It belongs to one call at a time. */
typedef struct {
  PyObject_HEAD
  native_library *library; /* 0 once it is closed */
  void *allocated;
  unsigned char *memory; /* at a cache line within what is allocated */
  int busy, measured;
  long block_ns; /* the least that a block took of those measured */
} native_live;

/* A call that is under way. start: of one that is measured. */
typedef struct {
  PyThreadState *thread;
  long start;
} native_run;

extern PyType_Spec native_library_spec, native_stream_spec, native_spotter_spec,
    native_recognizer_spec, native_keyboard_spec;

native_state *native_state_of(void *object);
int native_is_library(PyTypeObject *type, PyObject *object); /* else an error is set */

/* A new object of so many bytes of memory, over a library; 0 with an error. */
void *native_new(PyTypeObject *type, PyObject *library, uint32_t bytes);
void native_dealloc(PyObject *object);
PyObject *native_close(PyObject *object, PyObject *unused);
PyObject *native_itself(PyObject *object, PyObject *unused);
PyObject *native_none(void);

/* The loop of a library's model, which is of this kind; 0 with an error. */
const void *native_loop(PyTypeObject *type, PyObject *library, const char *kind);

/* Begin a call: 0, or -1 with an error if it is closed or in another call. */
int native_enter(native_live *live);
#define native_leave(live) ((live)->busy = 0)

/* Around what is computed of so many blocks, between enter and leave. */
native_run native_begin(native_live *live, uint32_t blocks);
void native_end(native_live *live, native_run run, uint32_t blocks);

/* Of what is given as a saved state: its bytes, as many as C counts; whether it was refused, with an
 * error set. */
uint32_t native_bytes(const Py_buffer *view);
int native_refused(native_live *live, int error, const Py_buffer *view);

/* Samples that wait, of less than a block: 0, or -1 with an error and nothing to release. */
int native_rest(native_live *live, PyObject *given, uint32_t block, Py_buffer *view);

/* Floats of whole blocks, all fit: 0, or -1 with an error and nothing to release. */
int native_blocks(native_live *live, PyObject *given, uint32_t block, Py_buffer *view);

#endif
