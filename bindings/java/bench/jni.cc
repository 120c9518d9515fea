// The two ways that JNI libraries have today: a global reference in a jlong,
// and a pointer in a jlong.

#include <jni.h>

extern "C" {

JNIEXPORT jlong JNICALL Java_Compare_newReference(JNIEnv* env, jclass,
                                                  jobject object) {
  return reinterpret_cast<jlong>(env->NewGlobalRef(object));
}
JNIEXPORT jobject JNICALL Java_Compare_reference(JNIEnv* env, jclass,
                                                 jlong word) {
  return env->NewLocalRef(reinterpret_cast<jobject>(word));
}
JNIEXPORT void JNICALL Java_Compare_deleteReference(JNIEnv* env, jclass,
                                                    jlong word) {
  env->DeleteGlobalRef(reinterpret_cast<jobject>(word));
}

JNIEXPORT jlong JNICALL Java_Compare_newPointer(JNIEnv*, jclass, jlong value) {
  return reinterpret_cast<jlong>(new jlong(value));
}
JNIEXPORT jlong JNICALL Java_Compare_pointer(JNIEnv*, jclass, jlong word) {
  return *reinterpret_cast<jlong*>(word);
}
JNIEXPORT void JNICALL Java_Compare_deletePointer(JNIEnv*, jclass, jlong word) {
  delete reinterpret_cast<jlong*>(word);
}

}  // extern "C"
