/* The natives of widget.Widget. They hand words to the library, and statuses to
 * Java, which makes exceptions of them. */

#include <jni.h>

#include "haft/haft.h"
#include "widget.h"

#define NATIVE(result, name) JNIEXPORT result JNICALL Java_widget_Widget_##name

static JavaVM *vm;
static jclass widget_class;
static jmethodID heard;

/* The library calls this with the word of a Java object, on any thread. */
static haft_status call_listener(void *user_data, int64_t sum) {
  void *found = NULL;
  JNIEnv *env;
  haft_status status;
  const int attached = (*vm)->GetEnv(vm, &found, JNI_VERSION_1_8) != JNI_OK;
  if (attached &&
      (*vm)->AttachCurrentThreadAsDaemon(vm, &found, NULL) != JNI_OK)
    return HAFT_INVALID; /* the process is ending */
  env = found;
  status = (haft_status)(*env)->CallStaticIntMethod(
      env, widget_class, heard, (jlong)haft_from_pointer(user_data),
      (jlong)sum);
  if ((*env)->ExceptionCheck(env)) {
    /* It is thrown where Java called. A thread of the library has no such place
     * and can only report it. */
    if (attached) (*env)->ExceptionDescribe(env);
    status = HAFT_INVALID;
  }
  if (attached) (*vm)->DetachCurrentThread(vm);
  return status;
}

JNIEXPORT jint JNI_OnLoad(JavaVM *loading, void *reserved) {
  void *found = NULL;
  JNIEnv *env;
  jclass local;
  (void)reserved;
  vm = loading;
  if ((*vm)->GetEnv(vm, &found, JNI_VERSION_1_8) != JNI_OK) return JNI_ERR;
  env = found;
  local = (*env)->FindClass(env, "widget/Widget");
  if (local == NULL) return JNI_ERR;
  widget_class = (*env)->NewGlobalRef(env, local);
  heard = (*env)->GetStaticMethodID(env, local, "heard", "(JJ)I");
  return widget_class == NULL || heard == NULL ? JNI_ERR : JNI_VERSION_1_8;
}

NATIVE(jlong, type)(JNIEnv *env, jclass self) {
  (void)env, (void)self;
  return (jlong)(intptr_t)widget_type();
}

NATIVE(jlong, create)(JNIEnv *env, jclass self, jlong sum) {
  haft_handle handle = 0;
  const haft_status status = widget_new(sum, &handle);
  (void)env, (void)self;
  return status == HAFT_OK ? (jlong)handle : -(jlong)status;
}

NATIVE(jint, add)
(JNIEnv *env, jclass self, jlong handle, jlong amount, jlongArray result) {
  int64_t sum = 0;
  const haft_status status = widget_add((haft_handle)handle, amount, &sum);
  (void)self;
  if (status == HAFT_OK && !(*env)->ExceptionCheck(env)) {
    const jlong now = sum;
    (*env)->SetLongArrayRegion(env, result, 0, 1, &now);
  }
  return status;
}

NATIVE(jint, subscribe)
(JNIEnv *env, jclass self, jlong handle, jlong listener) {
  (void)env, (void)self;
  return widget_subscribe((haft_handle)handle, call_listener,
                          haft_to_pointer((haft_handle)listener));
}

NATIVE(jint, addLater)(JNIEnv *env, jclass self, jlong handle, jlong amount) {
  (void)env, (void)self;
  return widget_add_later((haft_handle)handle, amount);
}

NATIVE(void, join)(JNIEnv *env, jclass self) {
  (void)env, (void)self;
  widget_join();
}

NATIVE(jlong, count)(JNIEnv *env, jclass self) {
  (void)env, (void)self;
  return widget_count();
}
