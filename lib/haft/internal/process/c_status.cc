// The texts of haft_status.

#include <cstddef>

#include "haft/haft.h"

namespace {

struct StatusTexts {
  haft_status status;
  const char* name;
  const char* sentence;
};

// In the order of their numbers.
constexpr StatusTexts kTexts[] = {
    {HAFT_OK, "HAFT_OK", "the handle is live"},
    {HAFT_NULL, "HAFT_NULL", "the null handle"},
    {HAFT_MALFORMED, "HAFT_MALFORMED", "no table issues such a word"},
    {HAFT_NEVER_ISSUED, "HAFT_NEVER_ISSUED",
     "this table never issued the handle"},
    {HAFT_STALE, "HAFT_STALE", "the handle has been deleted"},
    {HAFT_WRONG_TYPE, "HAFT_WRONG_TYPE", "the object is of another type"},
    {HAFT_FULL, "HAFT_FULL", "the table is full"},
    {HAFT_OUT_OF_MEMORY, "HAFT_OUT_OF_MEMORY", "out of memory"},
    {HAFT_PINNED, "HAFT_PINNED", "the object is pinned"},
    {HAFT_TIMED_OUT, "HAFT_TIMED_OUT", "deleted, and still pinned"},
    {HAFT_INVALID, "HAFT_INVALID", "invalid argument"},
    {HAFT_DEFERRED, "HAFT_DEFERRED",
     "deleted, and destroyed later by this thread"},
};
constexpr std::size_t kCount = sizeof(kTexts) / sizeof(kTexts[0]);

constexpr bool IsInOrder() noexcept {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (static_cast<std::size_t>(kTexts[i].status) != i) return false;
  }
  return true;
}
static_assert(IsInOrder());

constexpr StatusTexts kUnknown = {HAFT_OK, "HAFT_UNKNOWN", "unknown status"};

const StatusTexts& TextsOf(int status) noexcept {
  // A negative number becomes a large one.
  const auto index = static_cast<unsigned>(status);
  return index < kCount ? kTexts[index] : kUnknown;
}

}  // namespace

extern "C" {

const char* haft_status_name(int status) { return TextsOf(status).name; }
const char* haft_strerror(int status) { return TextsOf(status).sentence; }

}  // extern "C"
