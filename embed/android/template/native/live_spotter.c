/* Spotter.java: | edgernn_live | detections for Java | samples | the spotter's own |.
 */
#include "jni_names.h"
#include "jni_table.h"
#include "outbox.h"
#include "spotter.h"
#include "spotter_saved.h"
#include "stream.h"

typedef struct {
  edgernn_spotter loop;
  unsigned char *outbox;
  float *samples;
} edgernn_live;

#define KIND spotter
#include "live_listener.h"

#define DETECTION_BYTES 12u

static uint32_t samples_at(const edgernn_spotter_model *m) {
  return EDGERNN_ROOM(sizeof(edgernn_live)) + EDGERNN_ROOM(m->frames * DETECTION_BYTES);
}

static uint32_t own_at(const edgernn_spotter_model *m) {
  return samples_at(m) + EDGERNN_ROOM(m->block * (uint32_t)sizeof(float));
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

JNI_FUNCTION(int32_t, spotterOpen)(JNI_CLASS, int64_t at, int64_t number) {
  const edgernn_spotter_model *const m = loop_of(number);
  unsigned char *const memory = JNI_POINTER(at);
  edgernn_live *const live = JNI_POINTER(at);
  live->outbox = memory + EDGERNN_ROOM(sizeof(edgernn_live));
  live->samples = (float *)(void *)(memory + samples_at(m));
  return edgernn_spotter_init(&live->loop, m, memory + own_at(m), edgernn_spotter_bytes(m))
             ? EDGERNN_BAD_MEMORY
             : EDGERNN_OK;
}

JNI_FUNCTION(void, spotterSetThreshold)(JNI_CLASS, int64_t at, float threshold) {
  edgernn_live *const live = JNI_POINTER(at);
  live->loop.threshold = threshold;
}

/* Of the block that lies at samples: how many words, each its label, its frame and its score. */
JNI_FUNCTION(int32_t, spotterPush)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  edgernn_outbox out = {live->outbox, 0};
  const edgernn_detection *words;
  const uint32_t count = edgernn_spotter_push(&live->loop, live->samples, &words);
  for (uint32_t i = 0; i < count; ++i) {
    put_word(&out, words[i].label);
    put_word(&out, words[i].frame);
    put_float(&out, words[i].score);
  }
  return (int32_t)count;
}
