/* Listener.java: what spotters and recognisers share.
 *
 * Before it: `KIND`, which of them it is, and edgernn_live with its `loop`, `outbox`, `samples`.
 */
#define CALLED(kind, name) edgernn_##kind##_##name
#define CALL_OF(kind, name) CALLED(kind, name)
#define CALL(name) CALL_OF(KIND, name)

static const CALL(model) *loop_of(int64_t number) {
  const edgernn_model *const model = JNI_POINTER(number);
  return model->loop;
}

/* Samples. */
JNI_FUNCTION(int32_t, listenerBlock)(JNI_CLASS, int64_t number) {
  return (int32_t)loop_of(number)->block;
}

/* Where in the memory. */
JNI_FUNCTION(int32_t, listenerOutbox)(JNI_CLASS, int64_t at) {
  const edgernn_live *const live = JNI_POINTER(at);
  return (int32_t)(live->outbox - (unsigned char *)JNI_POINTER(at));
}

JNI_FUNCTION(int32_t, listenerSamples)(JNI_CLASS, int64_t at) {
  const edgernn_live *const live = JNI_POINTER(at);
  return (int32_t)((unsigned char *)live->samples - (unsigned char *)JNI_POINTER(at));
}

JNI_FUNCTION(void, listenerReset)(JNI_CLASS, int64_t at) {
  edgernn_live *const live = JNI_POINTER(at);
  CALL(reset)(&live->loop);
}

JNI_FUNCTION(int32_t, listenerSavedBytes)(JNI_CLASS, int64_t at) {
  const edgernn_live *const live = JNI_POINTER(at);
  return (int32_t)CALL(saved_bytes)(&live->loop);
}

/* waiting: samples of a block that lie at samples. */
JNI_FUNCTION(int32_t, listenerSave)(JNI_CLASS, int64_t at, int64_t model, int32_t waiting,
                                    jni_object saved, int32_t bytes) {
  const edgernn_live *const live = JNI_POINTER(at);
  const edgernn_rest rest = {live->samples, (uint32_t)waiting};
  return CALL(save)(&live->loop, JNI_POINTER(model), &rest, jni_address(env, saved),
                    (uint32_t)bytes);
}

/* How many samples lie at samples then; or an error. */
JNI_FUNCTION(int32_t, listenerRestore)(JNI_CLASS, int64_t at, int64_t model, jni_object saved,
                                       int32_t bytes) {
  edgernn_live *const live = JNI_POINTER(at);
  edgernn_rest rest = {live->samples, 0};
  const int error = CALL(restore)(&live->loop, JNI_POINTER(model), &rest, jni_address(env, saved),
                                  (uint32_t)bytes);
  return error ? error : (int32_t)rest.count;
}
