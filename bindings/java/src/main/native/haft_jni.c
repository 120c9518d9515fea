/* haft.h for Java by JNI: words in, statuses out. Java makes exceptions of
 * them. No function calls Java, and none keeps a reference to an object. */

#include <jni.h>
#include <stdlib.h>

#include "haft/haft.h"
#include "haft/view.h"

/* The objects are Java's, and it finds them by the word. It has no identity,
 * because another Java in the process does not find them. */
static const haft_type kJavaObject = {.name = "Java object"};

/* A jlong that is not a word of this machine is no handle. */
static haft_handle to_handle(jlong word) {
  const haft_handle handle = (haft_handle)word;
  enum { kMalformed = 2 };
  return (jlong)handle == word || sizeof(handle) == sizeof(word) ? handle
                                                                 : kMalformed;
}

static const haft_type *to_type(jlong address) {
  return (const haft_type *)(intptr_t)address;
}

#define NATIVE(result, name) JNIEXPORT result JNICALL Java_haft_Native_##name

NATIVE(jint, version)(JNIEnv *env, jclass self) {
  (void)env, (void)self;
  return haft_version();
}

NATIVE(jlong, create0)(JNIEnv *env, jclass self) {
  haft_handle handle = 0;
  const haft_status status = haft_new(NULL, &kJavaObject, &handle);
  (void)env, (void)self;
  return status == HAFT_OK ? (jlong)handle : -(jlong)status;
}

NATIVE(jlong, createAt)(JNIEnv *env, jclass self, jbyteArray file, jint line) {
  haft_handle handle = 0;
  jbyte *const name = (*env)->GetByteArrayElements(env, file, NULL);
  haft_status status;
  (void)self;
  if (name == NULL) return -(jlong)HAFT_OUT_OF_MEMORY;
  status = haft_new_at(NULL, &kJavaObject, &handle, (const char *)name,
                       (unsigned)line);
  (*env)->ReleaseByteArrayElements(env, file, name, JNI_ABORT);
  return status == HAFT_OK ? (jlong)handle : -(jlong)status;
}

NATIVE(jint, delete0)(JNIEnv *env, jclass self, jlong word) {
  (void)env, (void)self;
  return haft_delete(to_handle(word), &kJavaObject);
}

NATIVE(jint, deleteAt)
(JNIEnv *env, jclass self, jlong word, jbyteArray file, jint line) {
  jbyte *const name = (*env)->GetByteArrayElements(env, file, NULL);
  haft_status status;
  (void)self;
  if (name == NULL) return HAFT_OUT_OF_MEMORY;
  status = haft_table_delete_at(NULL, to_handle(word), &kJavaObject,
                                (const char *)name, (unsigned)line);
  (*env)->ReleaseByteArrayElements(env, file, name, JNI_ABORT);
  return status;
}

NATIVE(jint, value)(JNIEnv *env, jclass self, jlong word) {
  void *object;
  (void)env, (void)self;
  return haft_value(to_handle(word), &kJavaObject, &object);
}

NATIVE(jint, valueAny)(JNIEnv *env, jclass self, jlong word, jlong type) {
  void *object;
  (void)env, (void)self;
  return haft_value(to_handle(word), to_type(type), &object);
}

NATIVE(jint, check)(JNIEnv *env, jclass self, jlong word) {
  (void)env, (void)self;
  return haft_check(to_handle(word));
}

NATIVE(jint, deleteAny)(JNIEnv *env, jclass self, jlong word, jlong type) {
  (void)env, (void)self;
  return haft_delete(to_handle(word), to_type(type));
}

NATIVE(jint, deleteAndWait)
(JNIEnv *env, jclass self, jlong word, jlong type, jlong nanoseconds) {
  (void)env, (void)self;
  return haft_delete_and_wait(to_handle(word), to_type(type),
                              (uint64_t)nanoseconds);
}

NATIVE(jint, pin)
(JNIEnv *env, jclass self, jlong word, jlong type, jlongArray result) {
  haft_pin pin;
  void *object = NULL;
  const haft_status status =
      haft_pin_object(to_handle(word), to_type(type), &pin, &object);
  (void)self;
  if (status == HAFT_OK) {
    const jlong words[5] = {(jlong)pin.words[0], (jlong)pin.words[1],
                            (jlong)pin.words[2], (jlong)pin.words[3],
                            (jlong)(intptr_t)object};
    (*env)->SetLongArrayRegion(env, result, 0, 5, words);
  }
  return status;
}

NATIVE(void, unpin)
(JNIEnv *env, jclass self, jlong word0, jlong word1, jlong word2, jlong word3) {
  haft_pin pin = {
      {(uintptr_t)word0, (uintptr_t)word1, (uintptr_t)word2, (uintptr_t)word3}};
  (void)env, (void)self;
  haft_unpin(&pin);
}

NATIVE(jstring, sentence)(JNIEnv *env, jclass self, jint status) {
  (void)self;
  return (*env)->NewStringUTF(env, haft_strerror(status)); /* ASCII */
}

NATIVE(jint, prepare)(JNIEnv *env, jclass self, jlong expected) {
  (void)env, (void)self;
  return (uint64_t)expected > SIZE_MAX ? HAFT_FULL
                                       : haft_prepare((size_t)expected);
}

NATIVE(jlong, trim)(JNIEnv *env, jclass self) {
  (void)env, (void)self;
  return (jlong)haft_trim();
}

NATIVE(jint, stats)(JNIEnv *env, jclass self, jlongArray result) {
  haft_stats stats;
  const haft_status status = haft_table_stats(NULL, &stats);
  (void)self;
  if (status == HAFT_OK) {
    const jlong figures[9] = {(jlong)stats.live,
                              (jlong)stats.retired_objects,
                              (jlong)stats.created,
                              (jlong)stats.deleted,
                              (jlong)stats.exhausted_slots,
                              (jlong)stats.high_water,
                              (jlong)stats.capacity,
                              (jlong)stats.lost_caches,
                              (jlong)stats.refused_unpins};
    (*env)->SetLongArrayRegion(env, result, 0, 9, figures);
  }
  return status;
}

NATIVE(jint, describe)
(JNIEnv *env, jclass self, jlong word, jbyteArray text) {
  const jsize size = (*env)->GetArrayLength(env, text);
  char *const buffer = malloc((size_t)size);
  size_t length, written;
  (void)self;
  if (buffer == NULL) return 0;
  length = haft_describe(to_handle(word), buffer, (size_t)size);
  written = length < (size_t)size ? length : (size_t)size;
  (*env)->SetByteArrayRegion(env, text, 0, (jsize)written,
                             (const jbyte *)buffer);
  free(buffer);
  return (jint)length;
}

/* Both Native.java have these numbers. */
#define WORDS(count) ((count) * sizeof(haft_handle))
typedef char slots_and_views_are_as_java_knows_them
    [sizeof(haft_slot) == WORDS(8) && offsetof(haft_slot, type) == WORDS(2) &&
             offsetof(haft_slot, state) == WORDS(3) &&
             sizeof(haft_view) == WORDS(6) &&
             offsetof(haft_view, gate) == WORDS(1) &&
             offsetof(haft_view, slots) == WORDS(2) &&
             offsetof(haft_view, mask) == WORDS(3) && HAFT_VIEW_ABI == 1 &&
             HAFT_VIEW_WATCHED == 1
         ? 1
         : -1];

NATIVE(jint, view)(JNIEnv *env, jclass self, jlongArray result) {
  haft_view view;
  (void)self;
  if (sizeof(haft_handle) != sizeof(jlong) ||
      haft_table_view(NULL, HAFT_VIEW_ABI, &view) != HAFT_OK)
    return -1;
  {
    const jlong words[3] = {(jlong)(intptr_t)view.gate,
                            (jlong)(intptr_t)view.slots, (jlong)view.mask};
    (*env)->SetLongArrayRegion(env, result, 0, 3, words);
  }
  return 0;
}

NATIVE(jobject, memory)(JNIEnv *env, jclass self, jlong address, jlong size) {
  (void)self;
  return (*env)->NewDirectByteBuffer(env, (void *)(intptr_t)address, size);
}
