/* What loops over blocks of sound share: where they begin, and what of them is saved. */
#ifndef EDGERNN_NATIVE_HEARING_H
#define EDGERNN_NATIVE_HEARING_H

#include "native.h"
#include "saved.h"

/* What is called of a kind of loop. */
typedef struct {
  uint32_t (*block)(const void *loop); /* samples */
  void (*reset)(void *loop);
  uint32_t (*bytes)(const void *loop); /* of what is saved */
  int (*save)(const void *loop, const edgernn_model *model, const edgernn_rest *rest, void *saved,
              uint32_t bytes);
  int (*restore)(void *loop, const edgernn_model *model, edgernn_rest *rest, const void *saved,
                 uint32_t bytes);
} native_calls;

/* First in the struct of each. */
typedef struct {
  native_live live;
  const native_calls *calls;
  void *loop;
} native_hearing;

PyObject *native_block(PyObject *object, PyObject *unused);
PyObject *native_reset(PyObject *object, PyObject *unused);
PyObject *native_save(PyObject *object, PyObject *rest);
PyObject *native_restore(PyObject *object, PyObject *saved);

/* `calls` of an edgernn_KIND. */
#define NATIVE_CALLS(kind)                                                                   \
  static uint32_t block_of(const void *loop) {                                               \
    return ((const edgernn_##kind *)loop)->model->block;                                     \
  }                                                                                          \
  static void begin(void *loop) { edgernn_##kind##_reset(loop); }                            \
  static uint32_t bytes_of(const void *loop) { return edgernn_##kind##_saved_bytes(loop); }  \
  static int save(const void *loop, const edgernn_model *model, const edgernn_rest *rest,    \
                  void *saved, uint32_t bytes) {                                             \
    return edgernn_##kind##_save(loop, model, rest, saved, bytes);                           \
  }                                                                                          \
  static int restore(void *loop, const edgernn_model *model, edgernn_rest *rest,             \
                     const void *saved, uint32_t bytes) {                                    \
    return edgernn_##kind##_restore(loop, model, rest, saved, bytes);                        \
  }                                                                                          \
  static const native_calls calls = {block_of, begin, bytes_of, save, restore}

#define NATIVE_HEARING_METHODS                                                               \
  {"block", native_block, METH_NOARGS, "block(): samples in a block."},                      \
      {"reset", native_reset, METH_NOARGS, "reset(): before the first sample."},             \
      {"save", native_save, METH_O,                                                          \
       "save(rest): bytes; rest: samples that wait for their block."},                       \
      {"restore", native_restore, METH_O, "restore(saved): the samples that wait, as bytes."}

#endif
