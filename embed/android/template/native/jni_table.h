/* The little of JNI that the binding asks of a Java machine, declared here since a JDK's jni.h need
 * not be on the machine that embeds a model. JNI is a binary interface: a function's place in the
 * table is fixed for all time (Java Native Interface Specification, chapter 4), so it is enough to
 * name the one place that is used. Everything else travels in memory that both sides know.
 */
#ifndef EDGERNN_JNI_TABLE_H
#define EDGERNN_JNI_TABLE_H

#include <stdint.h>

#define JNI_GET_DIRECT_BUFFER_ADDRESS 230

typedef void *jni_object;
typedef const struct jni_table *jni_env; /* a function gets a pointer to it */

struct jni_table {
  void *before[JNI_GET_DIRECT_BUFFER_ADDRESS];
  void *(*get_direct_buffer_address)(jni_env *env, jni_object buffer);
};

#define JNI_FUNCTION(type, name) \
  __attribute__((visibility("default"))) type EDGERNN_JAVA(name)
#define JNI_CLASS __attribute__((unused)) jni_env *env, __attribute__((unused)) jni_object owner

static inline void *jni_address(jni_env *env, jni_object buffer) {
  return buffer ? (*env)->get_direct_buffer_address(env, buffer) : 0;
}

/* Java's long holds an address on every machine. */
#define JNI_LONG(pointer) ((int64_t)(uintptr_t)(pointer))
#define JNI_POINTER(number) ((void *)(uintptr_t)(number))

#endif
