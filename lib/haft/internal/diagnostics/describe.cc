#include "haft/internal/diagnostics/describe.h"

#include <cinttypes>

#include "haft/internal/diagnostics/other_copies.h"
#include "haft/internal/diagnostics/table_history.h"
#include "haft/status.h"

namespace haft::internal {
inline namespace HAFT_ABI {
namespace {

// Adds ", created at file.c:12 by thread 77", or nothing if it is not known.
void AddEvent(TextBuffer& text, const char* verb, const TableHistory& history,
              const TableHistory::Event& event) noexcept {
  if (event.thread == 0) return;
  text.Add(", %s ", verb);
  if (const CallSite* const site = history.SiteOf(event)) {
    text.Add("at ");
    text.Add(site->location());
    text.Add(" ");
  }
  text.Add("by thread %" PRIu32, event.thread);
}

// Adds what is remembered of a stale handle.
void AddPast(TextBuffer& text, const CTable& table, Handle handle) noexcept {
  const TableHistory* const history = table.history();
  if (history == nullptr) return;
  const TableHistory::Record record = history->Recall(handle);
  if (record.created.thread == 0) {
    text.Add(", no longer remembered");
  } else if (const CallSite* const site = history->SiteOf(record.created)) {
    text.Add(", was a %s", site->type_name());
  }
  AddEvent(text, "created", *history, record.created);
  AddEvent(text, "deleted", *history, record.deleted);
}

// Adds what the slot of a stale handle holds now.
void AddSlot(TextBuffer& text, CTable& table, Handle handle) noexcept {
  Handle live;
  const char* const state = table.DescribeSlot(handle, &live);
  if (live == kNullHandle) {
    text.Add("; its slot is now %s", state);
  } else if (const AnyTable::Pinned pinned = table.Pin(live)) {
    text.Add("; its slot now holds 0x%" PRIxPTR ", ", static_cast<Word>(live));
    AddLiveObject(text, table, live, *pinned);
  } else {
    text.Add("; its slot is changing");
  }
}

}  // namespace

void AddLiveObject(TextBuffer& text, const CTable& table, Handle handle,
                   const AnyObject& object) noexcept {
  text.Add("a %s at %p", TypeNameOf(*object.type()), object.object());
  if (const TableHistory* const history = table.history())
    AddEvent(text, "created", *history, history->Recall(handle).created);
}

std::size_t Describe(CTable& table, Handle handle, char* buffer,
                     std::size_t size) noexcept {
  TextBuffer text(buffer, size);
  text.Add("0x%" PRIxPTR ": ", static_cast<Word>(handle));
  if (const AnyTable::Pinned pinned = table.Pin(handle)) {
    text.Add("live in table %p, ", static_cast<void*>(&table));
    AddLiveObject(text, table, handle, *pinned);
  } else {
    text.Add("%s in table %p", StatusName(pinned.status()),
             static_cast<void*>(&table));
    if (pinned.status() == Status::kStale) {
      AddPast(text, table, handle);
      AddSlot(text, table, handle);
    } else if (pinned.status() == Status::kNeverIssued ||
               pinned.status() == Status::kMalformed) {
      AddOtherCopies(text);
    }
  }
  return text.length();
}

}  // namespace HAFT_ABI
}  // namespace haft::internal
