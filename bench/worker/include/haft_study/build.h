// How the including source file is compiled. These are macros, because each
// file has options of its own.

#ifndef HAFT_STUDY_BUILD_H_
#define HAFT_STUDY_BUILD_H_

#if defined(__clang__)
#define HAFT_STUDY_COMPILER "clang++ " __clang_version__
#else
#define HAFT_STUDY_COMPILER "g++ " __VERSION__
#endif

#ifdef __OPTIMIZE__
#define HAFT_STUDY_OPTIMIZED true
#else
#define HAFT_STUDY_OPTIMIZED false
#endif

#ifdef NDEBUG
#define HAFT_STUDY_ASSERTIONS false
#else
#define HAFT_STUDY_ASSERTIONS true
#endif

#ifdef __has_feature
#define HAFT_STUDY_HAS(feature) __has_feature(feature)
#else
#define HAFT_STUDY_HAS(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAFT_STUDY_HAS(address_sanitizer)
#define HAFT_STUDY_SANITIZER "address"
#elif defined(__SANITIZE_THREAD__) || HAFT_STUDY_HAS(thread_sanitizer)
#define HAFT_STUDY_SANITIZER "thread"
#elif HAFT_STUDY_HAS(memory_sanitizer)
#define HAFT_STUDY_SANITIZER "memory"
#else
#define HAFT_STUDY_SANITIZER nullptr
#endif

#define HAFT_STUDY_BUILD                                              \
  ::haft::study::Build {                                              \
    HAFT_STUDY_COMPILER, HAFT_STUDY_OPTIMIZED, HAFT_STUDY_ASSERTIONS, \
        HAFT_STUDY_SANITIZER                                          \
  }

#define HAFT_STUDY_JOIN_(a, b) a##b
#define HAFT_STUDY_JOIN(a, b) HAFT_STUDY_JOIN_(a, b)
#define HAFT_STUDY_UNIQUE() HAFT_STUDY_JOIN(haft_study_arm_, __COUNTER__)

#endif  // HAFT_STUDY_BUILD_H_
