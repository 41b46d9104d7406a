/* The part of CPython's stable ABI, of 3.11 and all that come after, that is used here, and of the C
 * library that Python itself runs on.
 *
 * What these structs hold and these functions take is fixed by the ABI (PEP 384), so the extension
 * is built on machines that have no Python.h, and for CPUs they do not have. With EDGERNN_PYTHON_H
 * the real header is taken, by which a test sees that the two agree.
 */
#ifndef EDGERNN_STABLE_ABI_H
#define EDGERNN_STABLE_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef EDGERNN_PYTHON_H
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <dlfcn.h>
#include <time.h>
#else

typedef intptr_t Py_ssize_t;
typedef struct _typeobject PyTypeObject;
typedef struct {
  Py_ssize_t ob_refcnt;
  PyTypeObject *ob_type;
} PyObject;
#define PyObject_HEAD PyObject ob_base;
#define Py_TYPE(object) (((PyObject *)(object))->ob_type)

typedef struct {
  void *buf;
  PyObject *obj;
  Py_ssize_t len, itemsize;
  int readonly, ndim;
  char *format;
  Py_ssize_t *shape, *strides, *suboffsets;
  void *internal;
} Py_buffer;

typedef PyObject *(*PyCFunction)(PyObject *, PyObject *);
typedef PyObject *(*getter)(PyObject *, void *);
typedef int (*setter)(PyObject *, PyObject *, void *);
typedef struct {
  const char *ml_name;
  PyCFunction ml_meth;
  int ml_flags;
  const char *ml_doc;
} PyMethodDef;
typedef struct {
  int slot;
  void *pfunc;
} PyType_Slot, PyModuleDef_Slot;
typedef struct {
  const char *name;
  int basicsize, itemsize;
  unsigned int flags;
  PyType_Slot *slots;
} PyType_Spec;
typedef struct {
  PyObject_HEAD
  PyObject *(*m_init)(void);
  Py_ssize_t m_index;
  PyObject *m_copy;
} PyModuleDef_Base;
typedef struct {
  PyModuleDef_Base m_base;
  const char *m_name, *m_doc;
  Py_ssize_t m_size;
  PyMethodDef *m_methods;
  PyModuleDef_Slot *m_slots;
  void *m_traverse, *m_clear, *m_free;
} PyModuleDef;
#define PyModuleDef_HEAD_INIT {{1, NULL}, NULL, 0, NULL}
#define PyMODINIT_FUNC PyObject *

#define METH_VARARGS 0x0001
#define METH_KEYWORDS 0x0002
#define METH_NOARGS 0x0004
#define METH_O 0x0008
#define METH_FASTCALL 0x0080
#define PyBUF_SIMPLE 0
#define PyBUF_WRITABLE 0x0001
#define PyBUF_FORMAT 0x0004
#define PyBUF_C_CONTIGUOUS 0x0038
#define Py_TPFLAGS_DEFAULT 0u
#define Py_TPFLAGS_DISALLOW_INSTANTIATION (1u << 7)
#define Py_TPFLAGS_IMMUTABLETYPE (1u << 8)
#define Py_mod_exec 2
#define Py_tp_dealloc 52
#define Py_tp_doc 56
#define Py_tp_methods 64
#define Py_tp_new 65

typedef struct _ts PyThreadState;
extern PyObject _Py_NoneStruct, *PyExc_ImportError, *PyExc_TypeError;
#define Py_None (&_Py_NoneStruct)

void Py_IncRef(PyObject *);
void Py_DecRef(PyObject *);
PyObject *PyModuleDef_Init(PyModuleDef *);
void *PyModule_GetState(PyObject *);
int PyModule_AddObjectRef(PyObject *, const char *, PyObject *);
PyObject *PyType_FromModuleAndSpec(PyObject *, PyType_Spec *, PyObject *);
void *PyType_GetModuleState(PyTypeObject *);
PyObject *PyType_GenericAlloc(PyTypeObject *, Py_ssize_t);
void PyObject_Free(void *);
void *PyMem_Malloc(size_t);
void PyMem_Free(void *);
void PyErr_SetString(PyObject *, const char *);
PyObject *PyErr_Format(PyObject *, const char *, ...);
PyObject *PyErr_NoMemory(void);
PyObject *PyErr_Occurred(void);
void PyErr_Clear(void);
PyObject *PyImport_ImportModule(const char *);
PyObject *PyObject_GetAttrString(PyObject *, const char *);
PyObject *PyObject_Call(PyObject *, PyObject *, PyObject *);
int PyObject_CheckBuffer(PyObject *);
int PyObject_GetBuffer(PyObject *, Py_buffer *, int);
void PyBuffer_Release(Py_buffer *);
PyObject *PyBytes_FromStringAndSize(const char *, Py_ssize_t);
char *PyBytes_AsString(PyObject *);
int PyUnicode_CompareWithASCIIString(PyObject *, const char *);
PyObject *PyTuple_New(Py_ssize_t);
Py_ssize_t PyTuple_Size(PyObject *);
PyObject *PyTuple_GetItem(PyObject *, Py_ssize_t);
int PyTuple_SetItem(PyObject *, Py_ssize_t, PyObject *);
PyObject *PyList_New(Py_ssize_t);
int PyList_Append(PyObject *, PyObject *);
PyObject *PyLong_FromLong(long);
long PyLong_AsLong(PyObject *);
int PyArg_ParseTuple(PyObject *, const char *, ...);
PyObject *Py_BuildValue(const char *, ...);
PyThreadState *PyEval_SaveThread(void);
void PyEval_RestoreThread(PyThreadState *);

#define RTLD_NOW 2
#define RTLD_LOCAL 0
void *dlopen(const char *, int);
void *dlsym(void *, const char *);
int dlclose(void *);
char *dlerror(void);

#define CLOCK_MONOTONIC 1
struct timespec {
  long tv_sec, tv_nsec;
};
int clock_gettime(int, struct timespec *);

#endif

#define EDGERNN_HEAP_TYPE (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE)
#define EDGERNN_CALLED(function) ((PyCFunction)(void (*)(void))(function))
#define EDGERNN_NO_SLOT {0, NULL}
#define EDGERNN_NO_METHOD {NULL, NULL, 0, NULL}

#endif
