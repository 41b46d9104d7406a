/* Recognizer.java: | edgernn_live | words for Java | samples | hot words | the
 * recogniser's own |.
 */
#include "jni_names.h"
#include "jni_table.h"
#include "outbox.h"
#include "recognizer.h"
#include "recognizer_saved.h"
#include "stream.h"

typedef struct {
  edgernn_recognizer loop;
  unsigned char *outbox;
  float *samples;
  edgernn_hot_place *places; /* of hot words */
  uint32_t room, used;
} edgernn_live;

#define KIND recognizer
#include "live_listener.h"

#define WORD_BYTES 16u

/* Words of a push or a finish, and readings with all theirs. */
static uint32_t outbox_bytes(const edgernn_recognizer_model *m, uint32_t beam) {
  const uint32_t certain = EDGERNN_WORDS(beam) + m->frames + m->delay + 1u;
  const uint32_t reading = 8u + EDGERNN_WORDS(beam) * WORD_BYTES;
  const uint32_t words = certain * WORD_BYTES, readings = beam * reading;
  return EDGERNN_ROOM(words > readings ? words : readings);
}

static uint32_t samples_at(const edgernn_recognizer_model *m, uint32_t beam) {
  return EDGERNN_ROOM(sizeof(edgernn_live)) + outbox_bytes(m, beam);
}

static uint32_t places_at(const edgernn_recognizer_model *m, uint32_t beam) {
  return samples_at(m, beam) + EDGERNN_ROOM(m->block * (uint32_t)sizeof(float));
}

static uint32_t own_at(const edgernn_recognizer_model *m, uint32_t beam, uint32_t hot) {
  return places_at(m, beam) + EDGERNN_ROOM(hot * (uint32_t)sizeof(edgernn_hot_place));
}

JNI_FUNCTION(double, recognizerWordMs)(JNI_CLASS, int64_t number) {
  return loop_of(number)->word_ms;
}

JNI_FUNCTION(int32_t, recognizerMostBeam)(JNI_CLASS) { return EDGERNN_RECOGNIZER_MOST_BEAM; }

/* hot: places for hot words, one more than these have words; 0 for none. */
JNI_FUNCTION(int32_t, recognizerBytes)(JNI_CLASS, int64_t number, int32_t beam, int32_t hot) {
  const edgernn_recognizer_model *const m = loop_of(number);
  return (int32_t)(own_at(m, (uint32_t)beam, (uint32_t)hot) +
                   edgernn_recognizer_bytes(m, (uint32_t)beam));
}

/* Memory for hot words is all zeros. */
JNI_FUNCTION(int32_t, recognizerOpen)(JNI_CLASS, int64_t at, int64_t number, int32_t beam,
                                      int32_t end_frames, int32_t hot) {
  const edgernn_recognizer_model *const m = loop_of(number);
  unsigned char *const memory = JNI_POINTER(at);
  edgernn_live *const live = JNI_POINTER(at);
  const uint32_t width = (uint32_t)beam, room = (uint32_t)hot;
  live->outbox = memory + EDGERNN_ROOM(sizeof(edgernn_live));
  live->samples = (float *)(void *)(memory + samples_at(m, width));
  live->places = (edgernn_hot_place *)(void *)(memory + places_at(m, width));
  live->room = room;
  live->used = 0;
  const edgernn_recognizer_options options = {
      .beam = width, .end_frames = (uint32_t)end_frames, .hot = hot ? live->places : 0};
  return edgernn_recognizer_init(&live->loop, m, &options, memory + own_at(m, width, room),
                                 edgernn_recognizer_bytes(m, width))
             ? EDGERNN_BAD_MEMORY
             : EDGERNN_OK;
}

/* A phrase of so many labels, before the first samples. 0, or -1 where there is no room. */
JNI_FUNCTION(int32_t, recognizerExpect)(JNI_CLASS, int64_t at, jni_object labels, int32_t count,
                                        float worth) {
  edgernn_live *const live = JNI_POINTER(at);
  return edgernn_hot_words_add(live->places, live->room, &live->used, jni_address(env, labels),
                               (uint32_t)count, worth);
}

static void put_words(edgernn_outbox *out, const edgernn_word *words, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    put_word(out, words[i].label);
    put_word(out, words[i].frame);
    put_word(out, words[i].utterance);
    put_float(out, words[i].score);
  }
}

/* How many words have become certain by the block at samples; they lie in the outbox. */
JNI_FUNCTION(int32_t, recognizerPush)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  edgernn_outbox out = {live->outbox, 0};
  const edgernn_word *words;
  const uint32_t count = edgernn_recognizer_push(&live->loop, live->samples, &words);
  put_words(&out, words, count);
  return (int32_t)count;
}

JNI_FUNCTION(int32_t, recognizerFinish)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  edgernn_outbox out = {live->outbox, 0};
  const edgernn_word *words;
  const uint32_t count = edgernn_recognizer_finish(&live->loop, &words);
  put_words(&out, words, count);
  return (int32_t)count;
}

/* How many readings; of each its score, how many words, and these. */
JNI_FUNCTION(int32_t, recognizerReadings)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  edgernn_outbox out = {live->outbox, 0};
  const edgernn_reading *readings;
  const uint32_t count = edgernn_recognizer_readings(&live->loop, &readings);
  for (uint32_t i = 0; i < count; ++i) {
    put_float(&out, readings[i].score);
    put_word(&out, readings[i].count);
    put_words(&out, readings[i].words, readings[i].count);
  }
  return (int32_t)count;
}
