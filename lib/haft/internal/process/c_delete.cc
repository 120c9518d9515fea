// The functions of haft.h that end handles.

#include <cstddef>
#include <cstdint>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/base/probes.h"
#include "haft/internal/diagnostics/observed_calls.h"
#include "haft/internal/process/any_table.h"
#include "haft/internal/process/c_call.h"
#include "haft/internal/process/intern_table.h"
#include "haft/internal/process/process_table.h"

namespace haft::internal {
inline namespace HAFT_ABI {
namespace {

// Exported functions tail-call these, so `__builtin_return_address(0)` is the
// exported function's caller.

// Called if TryAnyEnd fails.
[[gnu::noinline]] haft_status DeleteElsewhere(CTable& table, haft_handle handle,
                                              const haft_type* type) noexcept {
  return DeletedOrRefused(handle, AnyDelete(table, Handle(handle), type));
}
// For a handle that has ended. A function of its own, because the registers
// that it saves are stores, for which the compare-and-swap before would wait.
[[gnu::noinline]] haft_status DisposeIn(CTable& table,
                                        haft_handle handle) noexcept {
  table.Dispose(Handle(handle));
  HAFT_PROBE2(delete, handle, __builtin_return_address(0));
  return HAFT_OK;
}

// Each of the following is the shared body of several exported functions.

template <typename At = AtCaller>
[[gnu::always_inline]] inline haft_status Delete(haft_table* name,
                                                 haft_handle handle,
                                                 const haft_type* type,
                                                 At at = {}) noexcept {
  CTable* const table = FastPathTable(name);
  if (table == nullptr) return observed::Delete(name, handle, type, at());
  if (__builtin_expect(TryAnyEnd(*table, Handle(handle), type), 1))
    return DisposeIn(*table, handle);
  return DeleteElsewhere(*table, handle, type);
}

[[gnu::always_inline]] inline haft_status DeleteUnlessPinned(
    haft_table* name, haft_handle handle, const haft_type* type) noexcept {
  CTable* const table = FastPathTable(name);
  if (table == nullptr)
    return observed::DeleteUnlessPinned(name, handle, type, CallerLocation());
  return DeletedOrRefused(handle,
                          AnyDeleteUnlessPinned(*table, Handle(handle), type));
}

[[gnu::always_inline]] inline haft_status DeleteAndWait(
    haft_table* name, haft_handle handle, const haft_type* type,
    uint64_t nanoseconds) noexcept {
  CTable* const table = FastPathTable(name);
  if (table == nullptr) {
    return observed::DeleteAndWait(name, handle, type, nanoseconds,
                                   CallerLocation());
  }
  return DeletedOrRefused(
      handle, AnyDeleteAndWait(*table, Handle(handle), type, nanoseconds));
}

[[gnu::always_inline]] inline haft_status TakeOwned(
    haft_table* name, haft_handle handle, const haft_type* type, void** object,
    void (**destroy)(void*), void** context) noexcept {
  if (object == nullptr || destroy == nullptr || context == nullptr)
    return HAFT_INVALID;
  TakenObject taken;
  CTable* const table = FastPathTable(name);
  const haft_status status =
      table == nullptr
          ? observed::TakeOwned(name, handle, type, &taken, CallerLocation())
          : DeletedOrRefused(handle, AnyTake(*table, Handle(handle), type,
                                             &InternTable::Forget, &taken));
  if (status != HAFT_OK) return status;
  // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): HAFT_OK fills it.
  *object = taken.object;
  *destroy = taken.destroy;
  *context = taken.context;
  return HAFT_OK;
}

[[gnu::always_inline]] inline haft_status Take(haft_table* name,
                                               haft_handle handle,
                                               const haft_type* type,
                                               void** object) noexcept {
  void (*destroy)(void*);
  void* context;
  return TakeOwned(name, handle, type, object, &destroy, &context);
}

}  // namespace
}  // namespace HAFT_ABI
}  // namespace haft::internal

namespace internal = haft::internal;

extern "C" {

haft_status haft_table_delete(haft_table* table, haft_handle handle,
                              const haft_type* type) {
  return internal::Delete(table, handle, type);
}
haft_status haft_delete(haft_handle handle, const haft_type* type) {
  return internal::Delete(nullptr, handle, type);
}
haft_status haft_table_delete_at(haft_table* table, haft_handle handle,
                                 const haft_type* type, const char* file,
                                 unsigned line) {
  return internal::Delete(table, handle, type, internal::AtLine{file, line});
}
void haft_must_delete(haft_handle handle, const haft_type* type) {
  internal::CTable* const table = internal::FastPathTable(nullptr);
  if (table != nullptr &&
      internal::DeletedOrRefused(
          handle, internal::AnyDelete(*table, haft::Handle(handle), type)) ==
          HAFT_OK)
    return;
  internal::observed::MustDelete(handle, type, internal::CallerLocation());
}

size_t haft_table_delete_batch(haft_table* table, const haft_handle* handles,
                               size_t count, const haft_type* type,
                               haft_status* statuses) {
  if (handles == nullptr) return 0;
  size_t deleted = 0;
  for (size_t i = 0; i < count; ++i) {
    const haft_status status = internal::Delete(table, handles[i], type);
    deleted += status == HAFT_OK;
    if (statuses != nullptr) statuses[i] = status;
  }
  return deleted;
}

haft_status haft_table_delete_unless_pinned(haft_table* table,
                                            haft_handle handle,
                                            const haft_type* type) {
  return internal::DeleteUnlessPinned(table, handle, type);
}
haft_status haft_delete_unless_pinned(haft_handle handle,
                                      const haft_type* type) {
  return internal::DeleteUnlessPinned(nullptr, handle, type);
}

haft_status haft_table_delete_and_wait(haft_table* table, haft_handle handle,
                                       const haft_type* type,
                                       uint64_t nanoseconds) {
  return internal::DeleteAndWait(table, handle, type, nanoseconds);
}
haft_status haft_delete_and_wait(haft_handle handle, const haft_type* type,
                                 uint64_t nanoseconds) {
  return internal::DeleteAndWait(nullptr, handle, type, nanoseconds);
}

haft_status haft_table_take(haft_table* table, haft_handle handle,
                            const haft_type* type, void** object) {
  return internal::Take(table, handle, type, object);
}
haft_status haft_take(haft_handle handle, const haft_type* type,
                      void** object) {
  return internal::Take(nullptr, handle, type, object);
}

haft_status haft_table_take_owned(haft_table* table, haft_handle handle,
                                  const haft_type* type, void** object,
                                  void (**destroy)(void*), void** context) {
  return internal::TakeOwned(table, handle, type, object, destroy, context);
}
haft_status haft_take_owned(haft_handle handle, const haft_type* type,
                            void** object, void (**destroy)(void*),
                            void** context) {
  return internal::TakeOwned(nullptr, handle, type, object, destroy, context);
}

}  // extern "C"
