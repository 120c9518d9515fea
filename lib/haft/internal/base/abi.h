// The ABI version, as an inline namespace that holds everything with linkage.

#ifndef HAFT_INTERNAL_BASE_ABI_H_
#define HAFT_INTERNAL_BASE_ABI_H_

#if __cplusplus < 201703L
#error "Haft needs C++17 or later: pass -std=c++17 (Bazel: --cxxopt=-std=c++17)"
#endif

// HAFT_ADDRESS_SANITIZER: this code is built with AddressSanitizer.
#if defined(__SANITIZE_ADDRESS__)
#define HAFT_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAFT_ADDRESS_SANITIZER 1
#endif
#endif

// HAFT_THREAD_SANITIZER: it is built with ThreadSanitizer.
#if defined(__SANITIZE_THREAD__)
#define HAFT_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAFT_THREAD_SANITIZER 1
#endif
#endif

// All shared libraries of a process that agree on this name share thread
// indices and may share tables. The number changes whenever the layout of
// anything they share changes. Code built with AddressSanitizer poisons the
// objects of a table, so it shares nothing with code that is built without.
#ifdef HAFT_ADDRESS_SANITIZER
#define HAFT_ABI abi0_asan
#else
#define HAFT_ABI abi0
#endif

#endif  // HAFT_INTERNAL_BASE_ABI_H_
