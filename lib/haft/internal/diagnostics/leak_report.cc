#include "haft/internal/diagnostics/leak_report.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/base/check.h"
#include "haft/internal/base/growing_array.h"
#include "haft/internal/diagnostics/describe.h"
#include "haft/internal/diagnostics/diagnostics.h"
#include "haft/internal/diagnostics/table_history.h"
#include "haft/internal/diagnostics/text_buffer.h"

namespace haft::internal {
inline namespace HAFT_ABI {
namespace {

// How many live objects have the same type and, if sites are known, the same
// call site of their creation.
struct Count {
  const char* type_name;
  const haft_type* type;  // used if the site is not known
  const CallSite* site;   // nullptr if it is not known
  std::size_t live;

  const char* name() const noexcept {
    return site != nullptr ? site->type_name() : type_name;
  }
  bool HasSiteOf(const Count& other) const noexcept {
    return site != nullptr && other.site != nullptr &&
           site->Equals(*other.site);
  }
};

// Counts one object more.
//   Returns   whether there was memory for that
bool CountOneMore(GrowingArray<Count>& counts, const haft_type* type,
                  const CallSite* site) noexcept {
  for (Count& count : counts) {
    if (site != count.site ||
        (site == nullptr && !TypeMatches(type, count.type)))
      continue;
    ++count.live;
    return true;
  }
  return counts.Append({TypeNameOf(*type), type, site, 1});
}

// Merges counts of the same site, which may have several numbers, and sorts
// them, the largest first.
void MergeAndSort(GrowingArray<Count>& counts) noexcept {
  for (Count* count = counts.begin(); count != counts.end(); ++count) {
    for (Count* other = counts.end(); --other != count;) {
      if (!count->HasSiteOf(*other)) continue;
      count->live += other->live;
      counts.Erase(other);
    }
  }
  std::sort(counts.begin(), counts.end(), [](const Count& a, const Count& b) {
    return a.live != b.live ? a.live > b.live
                            : std::strcmp(a.name(), b.name()) < 0;
  });
}

// Runs at exit, after the program's own destructors.
[[gnu::destructor]] void ReportLeaks() noexcept {
  if ((DiagnosticFlagsIfInitialized() & HAFT_DIAGNOSE_LEAKS) == 0) return;
  CTable* const table = ProcessTableOrNull();
  if (table == nullptr) return;
  const std::size_t live = ReportLive(
      *table, 0, [](void*, const char* text) { LogLine(text); }, nullptr);
  char text[64];
  std::snprintf(text, sizeof(text), "live handles at exit: %zu", live);
  LogLine(text);
}

}  // namespace

std::size_t ReportLive(CTable& table, std::size_t most,
                       void (*line)(void*, const char*),
                       void* context) noexcept {
  GrowingArray<Count> counts;
  bool complete = true;
  std::size_t live = 0;
  char buffer[512];
  const TableHistory* const history = table.history();
  table.ForEach([&](Handle handle, const AnyObject& object) {
    if (live++ < most) {
      TextBuffer text(buffer, sizeof(buffer));
      text.Add("0x%" PRIxPTR ": ", static_cast<Word>(handle));
      AddLiveObject(text, table, handle, object);
      line(context, buffer);
    }
    const CallSite* const site =
        history == nullptr ? nullptr
                           : history->SiteOf(history->Recall(handle).created);
    complete &= CountOneMore(counts, object.type(), site);
  });
  MergeAndSort(counts);
  for (const Count& count : counts) {
    TextBuffer text(buffer, sizeof(buffer));
    text.Add("%zu live of type %s", count.live, count.name());
    if (count.site != nullptr) {
      text.Add(", created at ");
      text.Add(count.site->location());
    }
    line(context, buffer);
  }
  if (!complete)
    line(context, "others are not counted, because there is no memory");
  return live;
}

}  // namespace HAFT_ABI
}  // namespace haft::internal
