/* The two ways that JNI libraries have today: a global reference in a jlong,
 * and a pointer in a jlong. */

#include <jni.h>
#include <stdint.h>
#include <stdlib.h>

#define NATIVE(result, name) JNIEXPORT result JNICALL Java_bench_Compare_##name

NATIVE(jlong, newReference)(JNIEnv *env, jclass self, jobject object) {
  (void)self;
  return (jlong)(intptr_t)(*env)->NewGlobalRef(env, object);
}
NATIVE(jobject, reference)(JNIEnv *env, jclass self, jlong word) {
  (void)self;
  return (*env)->NewLocalRef(env, (jobject)(intptr_t)word);
}
NATIVE(void, deleteReference)(JNIEnv *env, jclass self, jlong word) {
  (void)self;
  (*env)->DeleteGlobalRef(env, (jobject)(intptr_t)word);
}

NATIVE(jlong, newPointer)(JNIEnv *env, jclass self, jlong value) {
  jlong *const made = malloc(sizeof(*made));
  (void)env, (void)self;
  if (made != NULL) *made = value;
  return (jlong)(intptr_t)made;
}
NATIVE(jlong, pointer)(JNIEnv *env, jclass self, jlong word) {
  (void)env, (void)self;
  return *(const jlong *)(intptr_t)word;
}
NATIVE(void, deletePointer)(JNIEnv *env, jclass self, jlong word) {
  (void)env, (void)self;
  free((void *)(intptr_t)word);
}
