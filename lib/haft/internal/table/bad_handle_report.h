// The message of the Must forms before they abort.

#ifndef HAFT_INTERNAL_TABLE_BAD_HANDLE_REPORT_H_
#define HAFT_INTERNAL_TABLE_BAD_HANDLE_REPORT_H_

#include <cinttypes>
#include <cstdint>
#include <cstdio>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/check.h"
#include "haft/status.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// All that is known about a handle that was refused.
struct BadHandle {
  const char* operation;  // "MustValue"
  const void* table;
  Word word;
  Status status;
  Word generation;
  Word index;
  const char* slot_is;  // "live", "free", …; nullptr: the word selects no slot
  Word slot_generation;
};

// Reports on stderr and aborts. Allocates nothing, so it works in a signal
// handler too.
[[noreturn, gnu::cold]] inline void FatalBadHandle(
    const BadHandle& bad) noexcept {
  char sentence[400];
  const int written =
      std::snprintf(sentence, sizeof(sentence),
                    "%s(0x%" PRIxPTR
                    "): %s in table %p; the word reads { generation: %" PRIuPTR
                    ", index: %" PRIuPTR " }",
                    bad.operation, bad.word, StatusName(bad.status), bad.table,
                    bad.generation, bad.index);
  const std::size_t n = written > 0 ? static_cast<std::size_t>(written) : 0;
  if (n > 0 && n < sizeof(sentence)) {
    if (bad.slot_is == nullptr) {
      std::snprintf(sentence + n, sizeof(sentence) - n,
                    ", the table has no such slot");
    } else {
      std::snprintf(sentence + n, sizeof(sentence) - n,
                    ", that slot is now %s at generation %" PRIuPTR,
                    bad.slot_is, bad.slot_generation);
    }
  }
  Fatal(sentence);
}

// Says that a table died before `pinned` of its objects could.
[[gnu::cold]] inline void ReportPinned(const void* table,
                                       std::size_t pinned) noexcept {
  char sentence[160];
  std::snprintf(sentence, sizeof(sentence),
                "table %p destroyed while %zu of its objects are pinned: they "
                "and their memory stay",
                table, pinned);
  LogLine(sentence);
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_TABLE_BAD_HANDLE_REPORT_H_
