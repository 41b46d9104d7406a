/* Spotter.java: | edgernn_live | detections for Java | samples | the spotter's own |.
 */
#include "jni_names.h"
#include "jni_table.h"
#include "outbox.h"
#include "spotter.h"
#include "spotter_saved.h"
#include "stream.h"

typedef struct {
  edgernn_spotter spotter;
  unsigned char *outbox;
  float *samples;
} edgernn_live;

#define DETECTION_BYTES 12u

static const edgernn_spotter_model *loop_of(int64_t number) {
  const edgernn_model *const model = JNI_POINTER(number);
  return model->loop;
}

static uint32_t samples_at(const edgernn_spotter_model *m) {
  return EDGERNN_ROOM(sizeof(edgernn_live)) + EDGERNN_ROOM(m->frames * DETECTION_BYTES);
}

static uint32_t own_at(const edgernn_spotter_model *m) {
  return samples_at(m) + EDGERNN_ROOM(m->block * (uint32_t)sizeof(float));
}

JNI_FUNCTION(int32_t, spotterBlock)(JNI_CLASS, int64_t number) {
  return (int32_t)loop_of(number)->block;
}

JNI_FUNCTION(float, spotterThreshold)(JNI_CLASS, int64_t number) {
  return loop_of(number)->threshold;
}

JNI_FUNCTION(double, spotterFrameMs)(JNI_CLASS, int64_t number) {
  return loop_of(number)->frame_ms;
}

JNI_FUNCTION(int32_t, spotterBytes)(JNI_CLASS, int64_t number) {
  const edgernn_spotter_model *const m = loop_of(number);
  return (int32_t)(own_at(m) + edgernn_spotter_bytes(m));
}

JNI_FUNCTION(int32_t, spotterOutbox)(JNI_CLASS, int64_t at) {
  const edgernn_live *const live = JNI_POINTER(at);
  return (int32_t)(live->outbox - (unsigned char *)JNI_POINTER(at));
}

JNI_FUNCTION(int32_t, spotterSamples)(JNI_CLASS, int64_t at) {
  const edgernn_live *const live = JNI_POINTER(at);
  return (int32_t)((unsigned char *)live->samples - (unsigned char *)JNI_POINTER(at));
}

JNI_FUNCTION(int32_t, spotterOpen)(JNI_CLASS, int64_t at, int64_t number) {
  const edgernn_spotter_model *const m = loop_of(number);
  unsigned char *const memory = JNI_POINTER(at);
  edgernn_live *const live = JNI_POINTER(at);
  live->outbox = memory + EDGERNN_ROOM(sizeof(edgernn_live));
  live->samples = (float *)(void *)(memory + samples_at(m));
  return edgernn_spotter_init(&live->spotter, m, memory + own_at(m), edgernn_spotter_bytes(m))
             ? EDGERNN_BAD_MEMORY
             : EDGERNN_OK;
}

JNI_FUNCTION(void, spotterReset)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  edgernn_spotter_reset(&live->spotter);
}

JNI_FUNCTION(void, spotterSetThreshold)(JNI_CLASS, int64_t at, float threshold) {
  edgernn_live *const live = JNI_POINTER(at);
  live->spotter.threshold = threshold;
}

/* Of the block that lies at samples: how many words, each its label, its frame and its score. */
JNI_FUNCTION(int32_t, spotterPush)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  edgernn_outbox out = {live->outbox, 0};
  const edgernn_detection *words;
  const uint32_t count = edgernn_spotter_push(&live->spotter, live->samples, &words);
  for (uint32_t i = 0; i < count; ++i) {
    put_word(&out, words[i].label);
    put_word(&out, words[i].frame);
    put_float(&out, words[i].score);
  }
  return (int32_t)count;
}

JNI_FUNCTION(int32_t, spotterSavedBytes)(JNI_CLASS, int64_t at) {
  const edgernn_live *const live = JNI_POINTER(at);
  return (int32_t)edgernn_spotter_saved_bytes(&live->spotter);
}

/* waiting: samples of a block that lie at samples. */
JNI_FUNCTION(int32_t, spotterSave)(JNI_CLASS, int64_t at, int64_t model, int32_t waiting,
                                  jni_object saved, int32_t bytes) {
  const edgernn_live *const live = JNI_POINTER(at);
  const edgernn_rest rest = {live->samples, (uint32_t)waiting};
  return edgernn_spotter_save(&live->spotter, JNI_POINTER(model), &rest, jni_address(env, saved),
                             (uint32_t)bytes);
}

/* How many samples lie at samples then; or an error. */
JNI_FUNCTION(int32_t, spotterRestore)(JNI_CLASS, int64_t at, int64_t model, jni_object saved,
                                     int32_t bytes) {
  edgernn_live *const live = JNI_POINTER(at);
  edgernn_rest rest = {live->samples, 0};
  const int error = edgernn_spotter_restore(&live->spotter, JNI_POINTER(model), &rest,
                                           jni_address(env, saved), (uint32_t)bytes);
  return error ? error : (int32_t)rest.count;
}
