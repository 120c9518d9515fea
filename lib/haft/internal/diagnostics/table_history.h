// The recorded creations and deletions of one table's handles.

#ifndef HAFT_INTERNAL_DIAGNOSTICS_TABLE_HISTORY_H_
#define HAFT_INTERNAL_DIAGNOSTICS_TABLE_HISTORY_H_

#include <cstddef>
#include <memory>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/allocated_by_malloc.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/diagnostics/call_site_set.h"
#include "haft/internal/diagnostics/handle_history.h"
#include "haft/internal/diagnostics/source_location.h"
#include "haft/internal/process/any_table.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Records at which call sites and by which threads the handles of an AnyTable
// are created and deleted.
class TableHistory : public AllocatedByMalloc {
  using History = HandleHistory<AnyTraits::Layout>;

 public:
  using Event = History::Event;
  using Record = History::Record;

  // Returns nullptr if there is no memory.
  static std::unique_ptr<TableHistory> Create(std::size_t slots) noexcept {
    std::unique_ptr<TableHistory> history(new (kNoThrow) TableHistory(slots));
    if (history != nullptr && !(history->sites_.ok() && history->history_.ok()))
      history.reset();
    return history;
  }

  void NoteCreated(haft_handle handle, SourceLocation location,
                   const haft_type* type) noexcept {
    history_.NoteCreated(handle, EventAt(location, TypeNameOf(*type)));
  }
  void NoteDeleted(haft_handle handle, SourceLocation location) noexcept {
    history_.NoteDeleted(handle, EventAt(location, nullptr));
  }
  // For a deletion noticed after the fact: the first thread to notice is
  // recorded as the deleter.
  void NoteFoundDeleted(haft_handle handle, SourceLocation location) noexcept {
    if (history_.Recall(handle).deleted.thread == 0)
      NoteDeleted(handle, location);
  }

  // Returns what is remembered of a handle.
  Record Recall(Handle handle) const noexcept {
    return history_.Recall(static_cast<Word>(handle));
  }
  // Returns the call site of an event, or nullptr if it is not known.
  const CallSite* SiteOf(const Event& event) const noexcept {
    return sites_.Find(event.site);
  }

 private:
  static constexpr std::size_t kSites = std::size_t{1} << 16;

  explicit TableHistory(std::size_t slots) noexcept
      : sites_(kSites), history_(slots) {}

  Event EventAt(SourceLocation location, const char* type_name) noexcept {
    return {sites_.NumberOf(location, type_name), sync::ThreadNumber()};
  }

  CallSiteSet sites_;
  History history_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_TABLE_HISTORY_H_
