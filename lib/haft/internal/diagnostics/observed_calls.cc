#include "haft/internal/diagnostics/observed_calls.h"

#include "haft/handle.h"
#include "haft/internal/base/probes.h"
#include "haft/internal/diagnostics/refusals.h"
#include "haft/internal/diagnostics/table_history.h"
#include "haft/internal/process/c_call.h"
#include "haft/internal/process/intern_table.h"

namespace haft::internal {
inline namespace HAFT_ABI {
namespace {

// A call with a handle. The table is nullptr if there is no memory for it.
class Call {
 public:
  Call(const char* operation, haft_table* table, haft_handle handle,
       const haft_type* type, SourceLocation location) noexcept
      : refusal_{operation, table,    TableOf(table), handle,
                 type,      location, HAFT_OK} {}

  CTable* table() const noexcept { return refusal_.table; }

  // Returns what the call does when it has deleted its handle.
  auto NoteDeleted() const noexcept {
    return [this] {
      if (table()->history() != nullptr)
        table()->history()->NoteDeleted(refusal_.handle, refusal_.location);
      HAFT_PROBE2(delete, refusal_.handle, ReturnAddressOf(refusal_.location));
    };
  }

  // Runs f(), which returns a Status. If the handle is refused, the listeners
  // are told.
  //   Returns   the status; HAFT_OUT_OF_MEMORY if there is no table
  template <typename F>
  haft_status Run(F f) noexcept {
    if (table() == nullptr) return refusal_.status = HAFT_OUT_OF_MEMORY;
    const Status status = f();
    refusal_.status = status == Status::kOk
                          ? HAFT_OK
                          : Refused(refusal_.handle, status,
                                    ReturnAddressOf(refusal_.location));
    if (refusal_.status >= HAFT_MALFORMED && refusal_.status <= HAFT_WRONG_TYPE)
      ReportRefusal(refusal_);
    return refusal_.status;
  }

  // The same for the Must forms.
  template <typename F>
  void MustRun(F f) noexcept {
    if (Run(f) != HAFT_OK) FatalRefusal(refusal_);
  }

 private:
  Refusal refusal_;
};

}  // namespace

namespace observed {

haft_status New(haft_table* name, void* object, const haft_type* type,
                haft_handle* handle, SourceLocation location) noexcept {
  return NewWith(name, object, type, type->destroy, object, handle, location);
}

haft_status NewWith(haft_table* name, void* object, const haft_type* type,
                    void (*destroy)(void*), void* context, haft_handle* handle,
                    SourceLocation location) noexcept {
  CTable* const table = TableOf(name);
  if (table == nullptr) return HAFT_OUT_OF_MEMORY;
  haft_handle created = 0;
  const Status status =
      AnyNew(*table, object, type, destroy, context, &created);
  if (status != Status::kOk) return ToC(status);
  if (table->history() != nullptr)
    table->history()->NoteCreated(created, location, type);
  HAFT_PROBE2(new, created, ReturnAddressOf(location));
  *handle = created;
  return HAFT_OK;
}

haft_status Value(haft_table* name, haft_handle handle, const haft_type* type,
                  void** object, SourceLocation location) noexcept {
  Call call("haft_value", name, handle, type, location);
  return call.Run(
      [&] { return AnyValue(*call.table(), Handle(handle), type, object); });
}

haft_status PinObject(haft_table* name, haft_handle handle,
                      const haft_type* type, haft_pin* pin, void** object,
                      SourceLocation location) noexcept {
  Call call("haft_pin_object", name, handle, type, location);
  return call.Run(
      [&] { return AnyPin(*call.table(), Handle(handle), type, pin, object); });
}

haft_status Delete(haft_table* name, haft_handle handle, const haft_type* type,
                   SourceLocation location) noexcept {
  Call call("haft_delete", name, handle, type, location);
  return call.Run([&] {
    return AnyDelete(*call.table(), Handle(handle), type, call.NoteDeleted());
  });
}

haft_status DeleteUnlessPinned(haft_table* name, haft_handle handle,
                               const haft_type* type,
                               SourceLocation location) noexcept {
  Call call("haft_delete_unless_pinned", name, handle, type, location);
  return call.Run([&] {
    return AnyDeleteUnlessPinned(*call.table(), Handle(handle), type,
                                 call.NoteDeleted());
  });
}

haft_status DeleteAndWait(haft_table* name, haft_handle handle,
                          const haft_type* type, std::uint64_t nanoseconds,
                          SourceLocation location) noexcept {
  Call call("haft_delete_and_wait", name, handle, type, location);
  return call.Run([&] {
    return AnyDeleteAndWait(*call.table(), Handle(handle), type, nanoseconds,
                            call.NoteDeleted());
  });
}

haft_status TakeOwned(haft_table* name, haft_handle handle,
                      const haft_type* type, TakenObject* taken,
                      SourceLocation location) noexcept {
  Call call("haft_take", name, handle, type, location);
  return call.Run([&] {
    return AnyTake(*call.table(), Handle(handle), type, &InternTable::Forget,
                   taken, call.NoteDeleted());
  });
}

void* MustValue(haft_handle handle, const haft_type* type,
                SourceLocation location) noexcept {
  Call call("haft_must_value", nullptr, handle, type, location);
  void* object = nullptr;
  call.MustRun(
      [&] { return AnyValue(*call.table(), Handle(handle), type, &object); });
  return object;
}

void MustDelete(haft_handle handle, const haft_type* type,
                SourceLocation location) noexcept {
  Call call("haft_must_delete", nullptr, handle, type, location);
  call.MustRun([&] {
    return AnyDelete(*call.table(), Handle(handle), type, call.NoteDeleted());
  });
}

void ReportRefusedUnpin(const CTable* owner, haft_handle handle,
                        SourceLocation location) noexcept {
  CTable* const process_table = ProcessTableOrNull();
  const bool is_of_process = owner == process_table;
  // Another table is only named.
  ReportRefusal({"haft_unpin",
                 is_of_process ? nullptr
                               : reinterpret_cast<haft_table*>(
                                     const_cast<CTable*>(owner)),
                 is_of_process ? process_table : nullptr, handle, nullptr,
                 location, HAFT_INVALID});
}

void NoteInterned(CTable& table, haft_handle handle, const haft_type* type,
                  SourceLocation location) noexcept {
  if (table.history() != nullptr)
    table.history()->NoteCreated(handle, location, type);
}

haft_status NoteReleased(haft_table* name, haft_handle handle, Status status,
                         SourceLocation location) noexcept {
  Call call("haft_release", name, handle, nullptr, location);
  if (status == Status::kOk && call.table()->history() != nullptr &&
      call.table()->Check(Handle(handle)) != Status::kOk)
    call.table()->history()->NoteFoundDeleted(handle, location);
  return call.Run([&] { return status; });
}

}  // namespace observed
}  // namespace HAFT_ABI
}  // namespace haft::internal
