// The natives of Handle and Widget. Each calls the table and throws an
// exception if the table refuses.

#include <jni.h>

#include "haft/haft.h"
#include "widget.h"

namespace {

JavaVM* vm;
jclass stale_handle_exception;
jclass haft_exception;
jmethodID new_stale_handle_exception;
jmethodID new_haft_exception;
jclass long_consumer;
jmethodID accept;

static_assert(sizeof(jlong) >= sizeof(haft_handle));

jclass FindGlobal(JNIEnv* env, const char* name) {
  const jclass local = env->FindClass(name);
  return local == nullptr ? nullptr
                          : static_cast<jclass>(env->NewGlobalRef(local));
}

void Throw(JNIEnv* env, haft_status status) {
  const jstring message = env->NewStringUTF(haft_strerror(status));
  if (message == nullptr) return;  // OutOfMemoryError is pending
  const bool stale = status == HAFT_STALE;
  const jobject exception =
      env->NewObject(stale ? stale_handle_exception : haft_exception,
                     stale ? new_stale_handle_exception : new_haft_exception,
                     static_cast<jint>(status), message);
  if (exception != nullptr) env->Throw(static_cast<jthrowable>(exception));
}

// Throws if `status` is not HAFT_OK; returns whether it is HAFT_OK.
bool Check(JNIEnv* env, haft_status status) {
  if (status != HAFT_OK) Throw(env, status);
  return status == HAFT_OK;
}

// Returns whether this call has ended the handle, because close() may be called
// again.
jboolean CheckDelete(JNIEnv* env, haft_status status) {
  if (status == HAFT_STALE) return JNI_FALSE;
  return Check(env, status) ? JNI_TRUE : JNI_FALSE;
}

// The environment of this thread, which may be a thread that Java does not
// know.
class Environment {
 public:
  Environment() {
    void* env = nullptr;
    if (vm->GetEnv(&env, JNI_VERSION_1_8) == JNI_OK) {
      env_ = static_cast<JNIEnv*>(env);
    } else if (vm->AttachCurrentThreadAsDaemon(&env, nullptr) == JNI_OK) {
      env_ = static_cast<JNIEnv*>(env);
      attached_ = true;
    }
  }
  ~Environment() {
    if (attached_) vm->DetachCurrentThread();
  }
  Environment(const Environment&) = delete;

  JNIEnv* get() const { return env_; }  // null if the process is ending
  // Returns whether Java code is below this on the stack.
  bool attached() const { return attached_; }

 private:
  JNIEnv* env_ = nullptr;
  bool attached_ = false;
};

void DestroyReference(void* reference) {
  const Environment environment;
  if (JNIEnv* const env = environment.get())
    env->DeleteGlobalRef(static_cast<jobject>(reference));
}

// It has no identity, because the objects of another library need not be global
// references.
const haft_type kJavaObject = {"Java object", nullptr, &DestroyReference, 0, 0};

haft_handle ToHandle(jlong word) { return static_cast<haft_handle>(word); }

// Returns the object of a live handle as a local reference. Otherwise returns
// null and sets `*status`.
jobject Find(JNIEnv* env, haft_handle handle, haft_status* status) {
  haft_pin pin;
  void* object = nullptr;
  *status = haft_pin_object(handle, &kJavaObject, &pin, &object);
  if (*status != HAFT_OK) return nullptr;
  const jobject local = env->NewLocalRef(static_cast<jobject>(object));
  haft_unpin(&pin);
  if (local == nullptr) *status = HAFT_OUT_OF_MEMORY;
  return local;
}

haft_status CallListener(void* user_data, int64_t sum) {
  const Environment environment;
  JNIEnv* const env = environment.get();
  if (env == nullptr) return HAFT_INVALID;
  haft_status status;
  const jobject listener = Find(env, haft_from_pointer(user_data), &status);
  if (listener == nullptr) return status;
  env->CallVoidMethod(listener, accept, static_cast<jlong>(sum));
  if (env->ExceptionCheck()) {
    // A pending exception is thrown where Java called. A thread of the library
    // can only report it.
    if (environment.attached()) env->ExceptionDescribe();
    status = HAFT_INVALID;
  }
  env->DeleteLocalRef(listener);
  return status;
}

}  // namespace

extern "C" {

JNIEXPORT jint JNI_OnLoad(JavaVM* loading, void*) {
  vm = loading;
  void* found = nullptr;
  if (vm->GetEnv(&found, JNI_VERSION_1_8) != JNI_OK) return JNI_ERR;
  JNIEnv* const env = static_cast<JNIEnv*>(found);
  stale_handle_exception = FindGlobal(env, "haft/StaleHandleException");
  if (stale_handle_exception == nullptr) return JNI_ERR;
  haft_exception = FindGlobal(env, "haft/HaftException");
  if (haft_exception == nullptr) return JNI_ERR;
  long_consumer = FindGlobal(env, "java/util/function/LongConsumer");
  if (long_consumer == nullptr) return JNI_ERR;
  const char* const signature = "(ILjava/lang/String;)V";
  new_stale_handle_exception =
      env->GetMethodID(stale_handle_exception, "<init>", signature);
  if (new_stale_handle_exception == nullptr) return JNI_ERR;
  new_haft_exception = env->GetMethodID(haft_exception, "<init>", signature);
  if (new_haft_exception == nullptr) return JNI_ERR;
  accept = env->GetMethodID(long_consumer, "accept", "(J)V");
  return accept == nullptr ? JNI_ERR : JNI_VERSION_1_8;
}

JNIEXPORT jlong JNICALL Java_haft_Handle_create(JNIEnv* env, jclass,
                                                jobject object) {
  const jobject reference = env->NewGlobalRef(object);
  haft_handle handle = 0;
  const haft_status status = reference == nullptr
                                 ? HAFT_OUT_OF_MEMORY
                                 : haft_new(reference, &kJavaObject, &handle);
  if (status != HAFT_OK && reference != nullptr)
    env->DeleteGlobalRef(reference);
  Check(env, status);
  return static_cast<jlong>(handle);
}

JNIEXPORT jobject JNICALL Java_haft_Handle_value(JNIEnv* env, jclass,
                                                 jlong word) {
  haft_status status;
  const jobject object = Find(env, ToHandle(word), &status);
  Check(env, status);
  return object;
}

JNIEXPORT jboolean JNICALL Java_haft_Handle_delete(JNIEnv* env, jclass,
                                                   jlong word) {
  return CheckDelete(env, haft_delete(ToHandle(word), &kJavaObject));
}

JNIEXPORT jint JNICALL Java_haft_Handle_check(JNIEnv*, jclass, jlong word) {
  return haft_check(ToHandle(word));
}

JNIEXPORT jlong JNICALL Java_haft_Widget_create(JNIEnv* env, jclass,
                                                jlong sum) {
  haft_handle handle = 0;
  Check(env, widget_new(sum, &handle));
  return static_cast<jlong>(handle);
}

JNIEXPORT jlong JNICALL Java_haft_Widget_add(JNIEnv* env, jclass, jlong handle,
                                             jlong amount) {
  int64_t sum = 0;
  const haft_status status = widget_add(ToHandle(handle), amount, &sum);
  if (!env->ExceptionCheck()) Check(env, status);
  return sum;
}

JNIEXPORT void JNICALL Java_haft_Widget_subscribe(JNIEnv* env, jclass,
                                                  jlong handle,
                                                  jlong listener) {
  haft_status status;
  const jobject object = Find(env, ToHandle(listener), &status);
  if (!Check(env, status)) return;
  if (!env->IsInstanceOf(object, long_consumer)) {
    Throw(env, HAFT_WRONG_TYPE);
    return;
  }
  Check(env, widget_subscribe(ToHandle(handle), &CallListener,
                              haft_to_pointer(ToHandle(listener))));
}

JNIEXPORT void JNICALL Java_haft_Widget_addLater(JNIEnv* env, jclass,
                                                 jlong handle, jlong amount) {
  Check(env, widget_add_later(ToHandle(handle), amount));
}

JNIEXPORT jboolean JNICALL Java_haft_Widget_delete(JNIEnv* env, jclass,
                                                   jlong handle) {
  return CheckDelete(env, widget_delete(ToHandle(handle)));
}

JNIEXPORT void JNICALL Java_haft_Widget_join(JNIEnv*, jclass) { widget_join(); }

JNIEXPORT jlong JNICALL Java_haft_Widget_count(JNIEnv*, jclass) {
  return widget_count();
}

}  // extern "C"
