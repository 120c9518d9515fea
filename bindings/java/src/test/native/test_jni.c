/* C code that gets handles of Java and gives it handles of its own. */

#include <dlfcn.h>
#include <jni.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "haft/haft.h"

#define NATIVE(result, name) JNIEXPORT result JNICALL Java_hafttest_C_##name

static atomic_long counters;
static JavaVM *vm;
static jclass listener;
static jmethodID heard;

static void free_counter(void *counter) {
  free(counter);
  atomic_fetch_sub(&counters, 1);
}

static const haft_type kCounter = {.name = "counter", .destroy = free_counter};
static const haft_type kOther = {.name = "other"};

NATIVE(jlong, newCounter)(JNIEnv *env, jclass self, jlong value) {
  jlong *const counter = malloc(sizeof(*counter));
  haft_handle handle = 0;
  (void)env, (void)self;
  if (counter == NULL) return 0;
  *counter = value;
  if (haft_new(counter, &kCounter, &handle) != HAFT_OK) {
    free(counter);
    return 0;
  }
  atomic_fetch_add(&counters, 1);
  return (jlong)handle;
}

NATIVE(jlong, counters)(JNIEnv *env, jclass self) {
  (void)env, (void)self;
  return atomic_load(&counters);
}

NATIVE(jlong, read)(JNIEnv *env, jclass self, jlong address) {
  (void)env, (void)self;
  return *(const jlong *)(intptr_t)address;
}

NATIVE(jlong, counterType)(JNIEnv *env, jclass self) {
  (void)env, (void)self;
  return (jlong)(intptr_t)&kCounter;
}

NATIVE(jlong, otherType)(JNIEnv *env, jclass self) {
  (void)env, (void)self;
  return (jlong)(intptr_t)&kOther;
}

NATIVE(jint, check)(JNIEnv *env, jclass self, jlong word) {
  (void)env, (void)self;
  return haft_check((haft_handle)word);
}

NATIVE(jint, delete)(JNIEnv *env, jclass self, jlong word) {
  (void)env, (void)self;
  return haft_delete((haft_handle)word, NULL);
}

static void *delete_on_thread(void *pointer) {
  return (void *)(intptr_t)haft_delete(haft_from_pointer(pointer), NULL);
}

/* On a thread that Java does not know. */
NATIVE(jint, deleteOnThread)(JNIEnv *env, jclass self, jlong word) {
  pthread_t thread;
  void *status;
  (void)env, (void)self;
  if (pthread_create(&thread, NULL, delete_on_thread,
                     haft_to_pointer((haft_handle)word)) != 0)
    return -1;
  pthread_join(thread, &status);
  return (jint)(intptr_t)status;
}

static haft_pin held;

NATIVE(jint, pin)(JNIEnv *env, jclass self, jlong word) {
  void *object;
  (void)env, (void)self;
  return haft_pin_object((haft_handle)word, NULL, &held, &object);
}

NATIVE(void, unpin)(JNIEnv *env, jclass self) {
  (void)env, (void)self;
  haft_unpin(&held);
}

NATIVE(jstring, statusName)(JNIEnv *env, jclass self, jint status) {
  (void)self;
  return (*env)->NewStringUTF(env, haft_status_name(status));
}

NATIVE(jstring, sentence)(JNIEnv *env, jclass self, jint status) {
  (void)self;
  return (*env)->NewStringUTF(env, haft_strerror(status));
}

NATIVE(jint, headerVersion)(JNIEnv *env, jclass self) {
  (void)env, (void)self;
  return HAFT_VERSION;
}

NATIVE(jboolean, open)(JNIEnv *env, jclass self, jstring library) {
  const char *const path = (*env)->GetStringUTFChars(env, library, NULL);
  void *const opened = path == NULL ? NULL : dlopen(path, RTLD_NOW);
  (void)self;
  if (path != NULL) (*env)->ReleaseStringUTFChars(env, library, path);
  return opened != NULL;
}

/* Calls Java for each refused handle. */
static void refused(void *context, haft_table *table, haft_handle handle,
                    haft_status status, const char *description) {
  void *env = NULL;
  JNIEnv *java;
  (void)context, (void)table, (void)description;
  if ((*vm)->GetEnv(vm, &env, JNI_VERSION_1_8) != JNI_OK) return;
  java = env;
  (*java)->CallStaticVoidMethod(java, listener, heard, (jlong)handle,
                                (jint)status);
  if ((*java)->ExceptionCheck(java)) (*java)->ExceptionDescribe(java);
}

NATIVE(jint, listen)(JNIEnv *env, jclass self) {
  if ((*env)->GetJavaVM(env, &vm) != JNI_OK) return -1;
  listener = (*env)->NewGlobalRef(env, self);
  heard = (*env)->GetStaticMethodID(env, self, "refused", "(JI)V");
  if (heard == NULL) return -1;
  return haft_set_refusal_callback(refused, NULL, 0);
}
