// Global references of the Java Native Interface: the handles that a Java
// virtual machine gives to native code.

#include "haft_study/arm.h"

// Empty if there is no Java, and not there without Bazel.
#if __has_include("bench/arms/jni/jni.h")
#include "bench/arms/jni/jni.h"
#endif

#ifdef JNI_VERSION_1_8

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

// The folder of an installed Java; empty if there is none.
std::string FindHome() {
  const char* const home = std::getenv("JAVA_HOME");
  for (const std::string& folder :
       {std::string(home == nullptr ? "" : home),
        std::string("/usr/lib/jvm/default-java"),
        std::string("/usr/lib/jvm/java-17-openjdk-amd64")}) {
    if (folder.empty()) continue;
    if (std::ifstream(folder + "/lib/server/libjvm.so").good()) return folder;
  }
  return "";
}

// Returns the version in the file that each Java has; "unknown" if it is not
// there.
std::string VersionOf(const std::string& home) {
  const std::string key = "JAVA_VERSION=\"";
  std::ifstream release(home + "/release");
  for (std::string line; std::getline(release, line);) {
    if (line.rfind(key, 0) != 0) continue;
    return line.substr(key.size(), line.find('"', key.size()) - key.size());
  }
  return "unknown";
}

const std::string& Home() {
  static const std::string home = FindHome();
  return home;
}

void Check(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("java: ") + what);
}

// The virtual machine of this process, which is made once and is never
// destroyed, as it cannot be made twice.
JavaVM* Machine() {
  static JavaVM* const machine = [] {
    const std::string path = Home() + "/lib/server/libjvm.so";
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    Check(library != nullptr, "cannot load libjvm.so");
    const auto create = reinterpret_cast<decltype(&JNI_CreateJavaVM)>(
        dlsym(library, "JNI_CreateJavaVM"));
    Check(create != nullptr, "libjvm.so has no JNI_CreateJavaVM");
    // The signals that end a process keep their meaning, and no file in /tmp
    // is mapped.
    std::string options[] = {"-Xrs", "-XX:-UsePerfData"};
    JavaVMOption list[] = {{options[0].data(), nullptr},
                           {options[1].data(), nullptr}};
    JavaVMInitArgs arguments{JNI_VERSION_1_8, 2, list, JNI_FALSE};
    JavaVM* made = nullptr;
    void* environment = nullptr;
    Check(create(&made, &environment, &arguments) == JNI_OK,
          "cannot start the virtual machine");
    return made;
  }();
  return machine;
}

// A key is the reference, and its value is a field of the object that it refers
// to. Stale references are undefined behaviour, and nothing notices them.
//
// A program has the object before it asks for a reference to it, as it has what
// the values of other tables point to. New therefore makes no object: each
// thread has one for every value that it stores, and makes it when it first
// stores the value, which is mostly during the warm-up.
class GlobalReferences {
 public:
  static constexpr const char* kProgress = "blocking";
  static constexpr bool kRefusesStale = false;

  class Session {
   public:
    explicit Session(GlobalReferences& table)
        : table_(table),
          objects_(static_cast<Object*>(
                       std::calloc(table.max_values_, sizeof(Object))),
                   std::free) {
      Check(objects_ != nullptr, "no memory for the objects of a thread");
      JavaVM* const machine = Machine();
      void* environment = nullptr;
      if (machine->GetEnv(&environment, JNI_VERSION_1_8) != JNI_OK) {
        Check(machine->AttachCurrentThreadAsDaemon(&environment, nullptr) ==
                  JNI_OK,
              "cannot attach a thread");
        attached_here_ = true;
      }
      env_ = static_cast<JNIEnv*>(environment);
      // For the local references to the objects. The machine takes more than
      // this as long as there is memory.
      Check(env_->PushLocalFrame(1) == JNI_OK, "no memory for references");
    }
    ~Session() {
      env_->PopLocalFrame(nullptr);
      if (attached_here_) Machine()->DetachCurrentThread();
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    JNIEnv* env() const { return env_; }

    // Returns the object of a value; null if there is no memory.
    jobject ObjectOf(Value value) {
      Object& place =
          objects_.get()[value / sizeof(Value) & (table_.max_values_ - 1)];
      if (__builtin_expect(place.value != value, 0)) Make(value, &place);
      return place.object;
    }

   private:
    // A local reference to an object whose field is `value`.
    struct Object {
      Value value;
      jobject object;
    };

    [[gnu::noinline]] void Make(Value value, Object* place) {
      if (place->object != nullptr) env_->DeleteLocalRef(place->object);
      place->object = env_->AllocObject(table_.class_);
      if (place->object == nullptr) {
        env_->ExceptionClear();  // OutOfMemoryError
        place->value = 0;
        return;
      }
      env_->SetLongField(place->object, table_.field_,
                         static_cast<jlong>(value));
      place->value = value;
    }

    GlobalReferences& table_;
    JNIEnv* env_ = nullptr;
    bool attached_here_ = false;
    // The memory of those that are not used is never touched.
    const std::unique_ptr<Object, void (*)(void*)> objects_;
  };

  explicit GlobalReferences(std::size_t capacity) {
    // The study's values are the addresses of successive words, so that no two
    // of them have the same place.
    while (max_values_ < capacity) max_values_ *= 2;
    Session session(*this);
    // It has one field, of 64 bits.
    const jclass local = session.env()->FindClass("java/lang/Long");
    Check(local != nullptr, "there is no java.lang.Long");
    class_ = static_cast<jclass>(session.env()->NewGlobalRef(local));
    field_ = session.env()->GetFieldID(local, "value", "J");
    Check(class_ != nullptr && field_ != nullptr,
          "java.lang.Long has another field than value");
  }

  Key New(Session& session, Value value) {
    const jobject object = session.ObjectOf(value);
    // Null of null, and if there is no memory.
    return reinterpret_cast<Key>(session.env()->NewGlobalRef(object));
  }
  bool Find(Session& session, Key key, Value* value) {
    *value = static_cast<Value>(
        session.env()->GetLongField(reinterpret_cast<jobject>(key), field_));
    return true;
  }
  bool Delete(Session& session, Key key) {
    session.env()->DeleteGlobalRef(reinterpret_cast<jobject>(key));
    return true;
  }

 private:
  std::size_t max_values_ = 1;
  jclass class_ = nullptr;
  jfieldID field_ = nullptr;
};

haft::study::ArmEntry MakeEntry() {
  static const std::string version = VersionOf(Home());
  haft::study::ArmEntry arm = haft::study::MakeArm<GlobalReferences>(
      "java/global-ref", HAFT_STUDY_BUILD);
  arm.version = version.c_str();
  if (Home().empty()) arm.unavailable = "package default-jdk-headless";
  return arm;
}
const haft::study::Registration kArm(MakeEntry());

}  // namespace

#else

HAFT_STUDY_UNAVAILABLE("java/global-ref", "package default-jdk-headless");

#endif
