/* Native.java's model: the one that is linked in, and others from libraries that Java has verified.
 */
#include "jni_names.h"
#include "jni_table.h"
#include "outbox.h"
#include "stream.h"

/* of libdl.so, which is the system's on every Android */
void *dlopen(const char *path, int mode);
void *dlsym(void *library, const char *symbol);
int dlclose(void *library);
char *dlerror(void);

#define LAZY 1 /* RTLD_LAZY, which is 1 on every Android and elsewhere; Android binds at once */

extern const edgernn_model EDGERNN_PACKAGED;

JNI_FUNCTION(int64_t, packaged)(JNI_CLASS) { return JNI_LONG(&EDGERNN_PACKAGED); }

/* path: bytes up to a zero. 0 if the system refuses it; fault tells why. */
JNI_FUNCTION(int64_t, load)(JNI_CLASS, jni_object path) {
  return JNI_LONG(dlopen(jni_address(env, path), LAZY));
}

JNI_FUNCTION(int32_t, fault)(JNI_CLASS, jni_object text, int32_t room) {
  char *const to = jni_address(env, text);
  const char *const from = dlerror();
  int32_t bytes = 0;
  for (; from && from[bytes] && bytes < room; ++bytes) to[bytes] = from[bytes];
  return bytes;
}

JNI_FUNCTION(void, unload)(JNI_CLASS, int64_t library) { dlclose(JNI_POINTER(library)); }

/* Of a library; 0 if it holds none of this form. */
JNI_FUNCTION(int64_t, model)(JNI_CLASS, int64_t library) {
  const edgernn_model *(*opened)(void);
  *(void **)&opened = dlsym(JNI_POINTER(library), "edgernn_package");
  if (!opened) return 0;
  const edgernn_model *const model = opened();
  return model->abi == EDGERNN_ABI ? JNI_LONG(model) : 0;
}

static void put_ports(edgernn_outbox *o, const edgernn_port *ports, uint32_t count) {
  put_word(o, count);
  for (uint32_t i = 0; i < count; ++i) {
    put_text(o, ports[i].name);
    put_text(o, ports[i].type);
    put_word(o, ports[i].item_bytes);
    put_word(o, ports[i].rank);
    for (uint32_t axis = 0; axis < ports[i].rank; ++axis) put_word(o, ports[i].shape[axis]);
  }
}

/* Bytes of the description that Model.java reads; written where there is memory for it. */
JNI_FUNCTION(int32_t, describe)(JNI_CLASS, int64_t number, jni_object memory) {
  const edgernn_model *const model = JNI_POINTER(number);
  edgernn_outbox out = {jni_address(env, memory), 0};
  put_text(&out, model->name);
  put_text(&out, model->version);
  put_text(&out, model->kind);
  put_bytes(&out, model->id, sizeof model->id);
  put_word(&out, model->sample_rate);
  put_word(&out, model->label_count);
  for (uint32_t i = 0; i < model->label_count; ++i) put_text(&out, model->labels[i]);
  put_word(&out, model->step_count);
  for (uint32_t i = 0; i < model->step_count; ++i) {
    put_text(&out, model->steps[i].name);
    put_double(&out, model->steps[i].frame_ms);
    put_ports(&out, model->steps[i].inputs, model->steps[i].input_count);
    put_ports(&out, model->steps[i].outputs, model->steps[i].output_count);
  }
  return (int32_t)out.bytes;
}

/* e_machine of the libraries that this process can load. */
JNI_FUNCTION(int32_t, machine)(JNI_CLASS) {
#if defined(__aarch64__)
  return 183;
#elif defined(__arm__)
  return 40;
#else
  return 62;
#endif
}

/* Where a direct buffer's bytes lie. */
JNI_FUNCTION(int64_t, address)(JNI_CLASS, jni_object buffer) {
  return JNI_LONG(jni_address(env, buffer));
}

/* What an error of stream.h is; at most room bytes. */
JNI_FUNCTION(int32_t, message)(JNI_CLASS, int32_t error, jni_object text, int32_t room) {
  char *const to = jni_address(env, text);
  const char *const from = edgernn_message(error);
  int32_t bytes = 0;
  for (; from[bytes] && bytes < room; ++bytes) to[bytes] = from[bytes];
  return bytes;
}
