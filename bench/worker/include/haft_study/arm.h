// Makes a table an arm of the contention study: a program that speaks the
// worker's protocol (docs/study_protocol.md), with the table compiled into the
// measured loops.
//
//   struct Mine {
//     explicit Mine(std::size_t capacity);
//     Key New(Value);           // kNoKey: full
//     bool Find(Key, Value*);   // false: not live
//     bool Delete(Key);         // false: not live
//   };
//   HAFT_STUDY_ARM("mine", Mine);
//
// All of them are called by many threads at the same time. A key is a word and
// not 0. A table may also have the following. A workload that needs one of them
// is reported as "cannot" if the table has it not.
//
//   explicit Mine(std::size_t capacity, std::size_t threads);
//       preferred, for a table that must know how many threads will use it
//   struct Session { explicit Session(Mine&); };
//       the data of one thread; made, used and destroyed by that thread. Each
//       of the members below, and New, Find and Delete, may take a Session&
//       first. It is then called so
//   std::size_t NewBatch(const Value*, std::size_t count, Key*);
//       returns how many it has made
//   std::size_t DeleteBatch(const Key*, std::size_t count);
//       returns how many were live
//   P Pin(Key);
//       P is movable, is true as a condition if it holds the key's object, and
//       has a `Value value()`. Its destructor lets go
//   void Unpin(P&);
//       preferred to the destructor, which is then called afterwards
//   bool DeleteUnlessPinned(Key);
//   struct Scope { explicit Scope(Mine&); };
//       or made of a Session&. It may have a `bool Find(Key, Value*)`, which
//       looks up in the scope; otherwise Mine's Find is used while it is open
//   R Stats();
//   static constexpr const char* kVersion;
//   static constexpr const char* kProgress;
//       "wait-free", "lock-free", "obstruction-free" or "blocking"
//   static constexpr std::size_t kMaxThreads, kMaxCapacity;
//   static constexpr bool kRefusesStale = false;
//       for a yardstick that checks nothing. It is spared what it could only
//       answer wrongly

#ifndef HAFT_STUDY_ARM_H_
#define HAFT_STUDY_ARM_H_

#include "bench/worker/make_arm.h"
#include "haft_study/build.h"
#include "haft_study/value.h"

// haft_study_arm with `all_values` compiles a file twice. The second time it
// declares the sizes of values that it has not declared the first time.
#ifdef HAFT_STUDY_REST_OF_VALUES
#define HAFT_STUDY_MAKE_ARM_OF MakeRestOf
#define HAFT_STUDY_ARM(name, ...) static_assert(true)
#define HAFT_STUDY_UNAVAILABLE(name, package) static_assert(true)
#else

#define HAFT_STUDY_MAKE_ARM_OF MakeArmOf
// Declares a table whose values have one word.
#define HAFT_STUDY_ARM(name, ...)                               \
  static const ::haft::study::Registration HAFT_STUDY_UNIQUE()( \
      ::haft::study::MakeArm<__VA_ARGS__>(name, HAFT_STUDY_BUILD))

// Declares an arm that cannot be built here: `package` says what is missing.
#define HAFT_STUDY_UNAVAILABLE(name, package)                   \
  static const ::haft::study::Registration HAFT_STUDY_UNIQUE()( \
      ::haft::study::ArmEntry{                                  \
          name, package, nullptr, nullptr, 0, 0, HAFT_STUDY_BUILD, {}})

#endif

// Declares a template over the type of its values, which are trivially copyable
// and have 1, 2, 4 or 8 words; with `all_values`, 1 to 8.
#define HAFT_STUDY_ARM_OF(name, ...)                            \
  static const ::haft::study::Registration HAFT_STUDY_UNIQUE()( \
      ::haft::study::HAFT_STUDY_MAKE_ARM_OF<__VA_ARGS__>(name,  \
                                                         HAFT_STUDY_BUILD))

// So that a table need not spell the namespace. This header is for the sources
// of arms, which are included nowhere.
namespace haft::study::names {
using study::Key;
using study::kNoKey;
using study::Value;
}  // namespace haft::study::names
using namespace haft::study::names;  // NOLINT(google-build-using-namespace)

#endif  // HAFT_STUDY_ARM_H_
