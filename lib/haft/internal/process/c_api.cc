// The functions of haft.h that create handles and use them.

#include <cstddef>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/base/probes.h"
#include "haft/internal/diagnostics/observed_calls.h"
#include "haft/internal/process/any_table.h"
#include "haft/internal/process/c_call.h"
#include "haft/internal/process/process_table.h"
#include "haft/status.h"

namespace haft::internal {
inline namespace HAFT_ABI {
namespace {

// The fast path. Exported functions tail-call these, so
// `__builtin_return_address(0)` is the exported function's caller.

// Called if the thread's cache has no slot at hand.
[[gnu::cold, gnu::noinline]] haft_status NewWithoutCache(
    CTable& table, void* object, const haft_type* type, void (*destroy)(void*),
    void* context, haft_handle* handle) noexcept {
  const Status status = AnyNew(table, object, type, destroy, context, handle);
  if (status == Status::kOk)
    HAFT_PROBE2(new, *handle, __builtin_return_address(0));
  return ToC(status);
}
haft_status NewIn(CTable& table, void* object, const haft_type* type,
                  void (*destroy)(void*), void* context,
                  haft_handle* handle) noexcept {
  const Handle created = table.TryEmplace(object, type, destroy, context);
  if (__builtin_expect(created == kNullHandle, 0))
    return NewWithoutCache(table, object, type, destroy, context, handle);
  *handle = static_cast<haft_handle>(created);
  HAFT_PROBE2(new, *handle, __builtin_return_address(0));
  return HAFT_OK;
}

[[gnu::noinline]] haft_status ValueOfOtherType(const CTable& table,
                                               haft_handle handle,
                                               const haft_type* type,
                                               void** object) noexcept {
  return OkOrRefused(handle, AnyValue(table, Handle(handle), type, object));
}
// Called if TryAnyValue fails. Most such handles are stale; the others are
// frozen, or of a type that has another descriptor.
[[gnu::noinline]] haft_status ValueElsewhere(const CTable& table,
                                             haft_handle handle,
                                             const haft_type* type,
                                             void** object) noexcept {
  const Status status = table.Check(Handle(handle));
  return status == Status::kOk
             ? ValueOfOtherType(table, handle, type, object)
             : Refused(handle, status, __builtin_return_address(0));
}

haft_status PinIn(CTable& table, haft_handle handle, const haft_type* type,
                  haft_pin* pin, void** object) noexcept {
  return OkOrRefused(handle, AnyPin(table, Handle(handle), type, pin, object));
}

// Called if a pin of `handle`, the first word of which is given, has ended
// before.
[[gnu::cold, gnu::noinline]] void RefuseUnpin(Word first, haft_handle handle,
                                              const void* caller) noexcept {
  // relaxed: a count.
  refused_unpins.fetch_add(1, std::memory_order_relaxed);
  (void)Refused(handle, Status::kInvalid, caller);
  if (!fast_path_gate.IsSlowPathForced()) return;
  observed::ReportRefusedUnpin(
      static_cast<const CTable*>(AnyTable::OwnerOfPin(first)), handle,
      LocationOfReturn(caller));
}

// Each of the following is the shared body of several exported functions: one
// branch, then a tail call.

template <typename At = AtCaller>
[[gnu::always_inline]] inline haft_status New(haft_table* name, void* object,
                                              const haft_type* type,
                                              haft_handle* handle,
                                              At at = {}) noexcept {
  if (type == nullptr || handle == nullptr) return HAFT_INVALID;
  CTable* const table = FastPathTable(name);
  return table == nullptr
             ? observed::New(name, object, type, handle, at())
             : NewIn(*table, object, type, type->destroy, object, handle);
}

template <typename At = AtCaller>
[[gnu::always_inline]] inline haft_status NewWith(
    haft_table* name, void* object, const haft_type* type,
    void (*destroy)(void*), void* context, haft_handle* handle,
    At at = {}) noexcept {
  if (type == nullptr || handle == nullptr) return HAFT_INVALID;
  CTable* const table = FastPathTable(name);
  return table == nullptr
             ? observed::NewWith(name, object, type, destroy, context, handle,
                                 at())
             : NewIn(*table, object, type, destroy, context, handle);
}

[[gnu::always_inline]] inline haft_status Value(haft_table* name,
                                                haft_handle handle,
                                                const haft_type* type,
                                                void** object) noexcept {
  if (object == nullptr) return HAFT_INVALID;
  CTable* const table = FastPathTable(name);
  if (table == nullptr)
    return observed::Value(name, handle, type, object, CallerLocation());
  if (__builtin_expect(TryAnyValue(*table, Handle(handle), type, object), 1))
    return HAFT_OK;
  return ValueElsewhere(*table, handle, type, object);
}

[[gnu::always_inline]] inline haft_status PinObject(haft_table* name,
                                                    haft_handle handle,
                                                    const haft_type* type,
                                                    haft_pin* pin,
                                                    void** object) noexcept {
  if (pin == nullptr || object == nullptr) return HAFT_INVALID;
  CTable* const table = FastPathTable(name);
  return table == nullptr ? observed::PinObject(name, handle, type, pin, object,
                                                CallerLocation())
                          : PinIn(*table, handle, type, pin, object);
}

}  // namespace
}  // namespace HAFT_ABI
}  // namespace haft::internal

namespace internal = haft::internal;

extern "C" {

haft_status haft_table_new(haft_table* table, void* object,
                           const haft_type* type, haft_handle* handle) {
  return internal::New(table, object, type, handle);
}
haft_status haft_new(void* object, const haft_type* type, haft_handle* handle) {
  return internal::New(nullptr, object, type, handle);
}
haft_status haft_new_at(void* object, const haft_type* type,
                        haft_handle* handle, const char* file, unsigned line) {
  return internal::New(nullptr, object, type, handle,
                       internal::AtLine{file, line});
}

haft_status haft_table_new_with(haft_table* table, void* object,
                                const haft_type* type, void (*destroy)(void*),
                                void* context, haft_handle* handle) {
  return internal::NewWith(table, object, type, destroy, context, handle);
}
haft_status haft_new_with(void* object, const haft_type* type,
                          void (*destroy)(void*), void* context,
                          haft_handle* handle) {
  return internal::NewWith(nullptr, object, type, destroy, context, handle);
}
haft_status haft_table_new_with_at(haft_table* table, void* object,
                                   const haft_type* type,
                                   void (*destroy)(void*), void* context,
                                   haft_handle* handle, const char* file,
                                   unsigned line) {
  return internal::NewWith(table, object, type, destroy, context, handle,
                           internal::AtLine{file, line});
}

haft_status haft_table_new_batch(haft_table* table, void* const* objects,
                                 size_t count, const haft_type* type,
                                 haft_handle* handles, size_t* made) {
  if (made == nullptr) return HAFT_INVALID;
  *made = 0;
  if (count != 0 && (objects == nullptr || handles == nullptr))
    return HAFT_INVALID;
  haft_status status = HAFT_OK;
  for (; *made < count; ++*made) {
    status = internal::New(table, objects[*made], type, &handles[*made]);
    if (status != HAFT_OK) break;
  }
  return status;
}

haft_status haft_table_value(haft_table* table, haft_handle handle,
                             const haft_type* type, void** object) {
  return internal::Value(table, handle, type, object);
}
haft_status haft_value(haft_handle handle, const haft_type* type,
                       void** object) {
  return internal::Value(nullptr, handle, type, object);
}
void* haft_must_value(haft_handle handle, const haft_type* type) {
  internal::CTable* const table = internal::FastPathTable(nullptr);
  void* object;
  if (table != nullptr && internal::AnyValue(*table, haft::Handle(handle), type,
                                             &object) == haft::Status::kOk)
    return object;
  return internal::observed::MustValue(handle, type,
                                       internal::CallerLocation());
}

haft_status haft_table_check(haft_table* name, haft_handle handle) {
  const internal::CTable* const table = internal::TableOf(name);
  if (table == nullptr) return HAFT_OUT_OF_MEMORY;
  return internal::ToC(table->Check(haft::Handle(handle)));
}
haft_status haft_check(haft_handle handle) {
  return haft_table_check(nullptr, handle);
}

haft_status haft_table_pin_object(haft_table* table, haft_handle handle,
                                  const haft_type* type, haft_pin* pin,
                                  void** object) {
  return internal::PinObject(table, handle, type, pin, object);
}
haft_status haft_pin_object(haft_handle handle, const haft_type* type,
                            haft_pin* pin, void** object) {
  return internal::PinObject(nullptr, handle, type, pin, object);
}

void haft_unpin(haft_pin* pin) {
  if (pin == nullptr) return;
  // The words are copied one by one, as in AnyPin.
  const haft::PinWords words = {
      {pin->words[0], pin->words[1], pin->words[2], pin->words[3]}};
  *pin = {};
  const bool was_held = internal::AnyTable::Pinned::Attach(words).UnpinIfHeld();
  if (__builtin_expect(was_held, 1)) return;
  internal::RefuseUnpin(words.words[0], words.words[3],
                        __builtin_return_address(0));
}

void* haft_to_pointer(haft_handle handle) {
  return haft::Handle(handle).ToPointer();
}
haft_handle haft_from_pointer(const void* pointer) {
  return static_cast<haft_handle>(haft::Handle::FromPointer(pointer));
}

int haft_version(void) { return HAFT_VERSION; }

}  // extern "C"
