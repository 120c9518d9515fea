// The two checks of Haft's own invariants. A bad handle is input and no broken
// invariant: it is answered with a Status.

#ifndef HAFT_INTERNAL_BASE_CHECK_H_
#define HAFT_INTERNAL_BASE_CHECK_H_

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "haft/internal/base/abi.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Writes one line to stderr without the C library's stream locks, so that it
// also works in a signal handler.
[[gnu::cold]] inline void LogLine(const char* sentence) noexcept {
  char line[1024];
  const int length = std::snprintf(line, sizeof(line), "haft: %s\n", sentence);
  if (length > 0) {
    const size_t size = static_cast<size_t>(length) < sizeof(line)
                            ? static_cast<size_t>(length)
                            : sizeof(line) - 1;
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, size);
  }
}

// Writes the line and aborts.
[[noreturn, gnu::cold]] inline void Fatal(const char* sentence) noexcept {
  LogLine(sentence);
  std::abort();
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

// Aborts with `sentence` if `condition` does not hold, in every build.
#define HAFT_CHECK(condition, sentence)              \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? void()                                      \
       : ::haft::internal::Fatal(sentence))

// The same in builds without NDEBUG. With NDEBUG it does nothing and does not
// evaluate `condition`.
#ifdef NDEBUG
#define HAFT_DCHECK(condition, sentence) \
  (true ? void() : HAFT_CHECK(condition, sentence))
#else
#define HAFT_DCHECK(condition, sentence) HAFT_CHECK(condition, sentence)
#endif

#endif  // HAFT_INTERNAL_BASE_CHECK_H_
