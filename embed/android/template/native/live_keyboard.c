/* Keyboard.java: | edgernn_live | what is shown, for Java | a text from Java | the keyboard's |.
 */
#include "jni_names.h"
#include "jni_table.h"
#include "keyboard.h"
#include "keyboard_saved.h"
#include "outbox.h"
#include "stream.h"

typedef struct {
  edgernn_keyboard keyboard;
  unsigned char *outbox;
  char *text;
} edgernn_live;

#define NONE (-1)

static const edgernn_keyboard_model *loop_of(int64_t number) {
  const edgernn_model *const model = JNI_POINTER(number);
  return model->loop;
}

/* What is put, three texts of what is in question, a label a completion, a run a reading, and their
 * sizes. */
static uint32_t text_at(const edgernn_keyboard_options *options) {
  return EDGERNN_ROOM(sizeof(edgernn_live)) +
         EDGERNN_ROOM(32u + EDGERNN_KEYBOARD_UNDONE(options->back) + 3u * EDGERNN_KEYBOARD_TEXT +
                      options->suggestions * (EDGERNN_KEYBOARD_LABEL + 9u) +
                      options->beam * (EDGERNN_KEYBOARD_WAY + 8u));
}

static edgernn_keyboard_options options_of(int32_t beam, int32_t suggestions, int32_t back,
                                           int32_t own, uint8_t capitals, float margin) {
  return (edgernn_keyboard_options){.beam = (uint32_t)beam,
                                    .suggestions = (uint32_t)suggestions,
                                    .back = (uint32_t)back,
                                    .own = (uint32_t)own,
                                    .no_capitals = !capitals,
                                    .margin = margin};
}

JNI_FUNCTION(int32_t, keyboardTextRoom)(JNI_CLASS) { return 1024; }

JNI_FUNCTION(int32_t, keyboardBytes)(JNI_CLASS, int64_t number, int32_t beam, int32_t suggestions,
                                     int32_t back, int32_t own) {
  const edgernn_keyboard_options options = options_of(beam, suggestions, back, own, 1, 0.0f);
  return (int32_t)(text_at(&options) + 1024u +
                   edgernn_keyboard_bytes(loop_of(number), &options));
}

JNI_FUNCTION(int32_t, keyboardOutbox)(JNI_CLASS, int64_t at) {
  const edgernn_live *const live = JNI_POINTER(at);
  return (int32_t)(live->outbox - (unsigned char *)JNI_POINTER(at));
}

JNI_FUNCTION(int32_t, keyboardText)(JNI_CLASS, int64_t at) {
  const edgernn_live *const live = JNI_POINTER(at);
  return (int32_t)((unsigned char *)live->text - (unsigned char *)JNI_POINTER(at));
}

JNI_FUNCTION(int32_t, keyboardOpen)(JNI_CLASS, int64_t at, int64_t number, int32_t beam,
                                    int32_t suggestions, int32_t back, int32_t own,
                                    uint8_t capitals, float margin) {
  const edgernn_keyboard_model *const m = loop_of(number);
  const edgernn_keyboard_options options =
      options_of(beam, suggestions, back, own, capitals, margin);
  unsigned char *const memory = JNI_POINTER(at);
  edgernn_live *const live = JNI_POINTER(at);
  live->outbox = memory + EDGERNN_ROOM(sizeof(edgernn_live));
  live->text = (char *)memory + text_at(&options);
  return edgernn_keyboard_init(&live->keyboard, m, &options, live->text + 1024,
                               edgernn_keyboard_bytes(m, &options))
             ? EDGERNN_BAD_MEMORY
             : EDGERNN_OK;
}

static void put_guesses(edgernn_outbox *out, const edgernn_guess *guesses, uint32_t count) {
  put_word(out, count);
  for (uint32_t i = 0; i < count; ++i) {
    put_text(out, guesses[i].text);
    put_float(out, guesses[i].share);
  }
}

/* Bytes in the outbox. */
static int32_t told(const edgernn_live *live, const edgernn_shown *shown) {
  edgernn_outbox out = {live->outbox, 0};
  if (!shown) return NONE;
  put_word(&out, shown->erased);
  put_text(&out, shown->put);
  put_text(&out, shown->typing);
  put_guesses(&out, shown->completions, shown->completion_count);
  put_guesses(&out, shown->readings, shown->reading_count);
  put_text(&out, shown->before);
  put_text(&out, shown->after);
  return (int32_t)out.bytes;
}

JNI_FUNCTION(int32_t, keyboardShown)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  return told(live, edgernn_keyboard_shown(&live->keyboard));
}

JNI_FUNCTION(int32_t, keyboardBegin)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  edgernn_keyboard_begin(&live->keyboard);
  return told(live, edgernn_keyboard_shown(&live->keyboard));
}

JNI_FUNCTION(int32_t, keyboardPush)(JNI_CLASS, int64_t at, int32_t character, float dx, float dy) {
  edgernn_live *const live = JNI_POINTER(at);
  return told(live, edgernn_keyboard_push(&live->keyboard, (uint32_t)character, dx, dy));
}

JNI_FUNCTION(int32_t, keyboardUndo)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  return told(live, edgernn_keyboard_undo(&live->keyboard));
}

/* The text of these lies at text, up to a zero. */
JNI_FUNCTION(int32_t, keyboardBack)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  return told(live, edgernn_keyboard_back(&live->keyboard, live->text));
}

JNI_FUNCTION(int32_t, keyboardAccept)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  return told(live, edgernn_keyboard_accept(&live->keyboard, live->text));
}

JNI_FUNCTION(int32_t, keyboardAdd)(JNI_CLASS, int64_t at, float worth) {
  edgernn_live *const live = JNI_POINTER(at);
  return edgernn_keyboard_add(&live->keyboard, live->text, worth);
}

JNI_FUNCTION(int32_t, keyboardKeep)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  return edgernn_keyboard_keep(&live->keyboard, live->text);
}

JNI_FUNCTION(int32_t, keyboardSavedBytes)(JNI_CLASS, int64_t at, int32_t back) {
  const edgernn_live *const live = JNI_POINTER(at);
  return (int32_t)edgernn_keyboard_saved_bytes(&live->keyboard, (uint32_t)back);
}

JNI_FUNCTION(int32_t, keyboardSave)(JNI_CLASS, int64_t at, int64_t model, int32_t back,
                                    jni_object saved, int32_t bytes) {
  const edgernn_live *const live = JNI_POINTER(at);
  return edgernn_keyboard_save(&live->keyboard, JNI_POINTER(model), (uint32_t)back,
                               jni_address(env, saved), (uint32_t)bytes);
}

JNI_FUNCTION(int32_t, keyboardRestore)(JNI_CLASS, int64_t at, int64_t model, jni_object saved,
                                       int32_t bytes) {
  edgernn_live *const live = JNI_POINTER(at);
  return edgernn_keyboard_restore(&live->keyboard, JNI_POINTER(model), jni_address(env, saved),
                                  (uint32_t)bytes);
}
