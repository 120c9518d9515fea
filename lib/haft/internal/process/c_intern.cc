// The functions of haft.h that give each object one handle.

#include <pthread.h>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/diagnostics/observed_calls.h"
#include "haft/internal/process/c_call.h"
#include "haft/internal/process/intern_table.h"
#include "haft/internal/process/process_table.h"
#include "haft/status.h"

namespace haft::internal {
inline namespace HAFT_ABI {
namespace {

// One for all tables. Constant-initialised and never destroyed.
InternTable intern_table;

// The work of a fork, before and after it. A child that was forked while
// another thread was registering these registers them a second time, so that
// each fork calls each of them twice. The second call has no effect.
struct InternTableFork {
  static void Before() {
    bool& holds_interns = sync::ThisThread().holds_interns;
    if (holds_interns) return;
    intern_table.Lock();
    holds_interns = true;
  }
  static void After() {
    bool& holds_interns = sync::ThisThread().holds_interns;
    if (!holds_interns) return;
    holds_interns = false;
    intern_table.Unlock();
  }
};

// Sees to it, once, that a child of fork finds no mutex locked by a thread that
// it does not have.
//   Returns   false if there is no memory for that
bool InternTableSurvivesFork() noexcept {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  static bool survives = false;
  pthread_once(&once, [] {
    survives = pthread_atfork(&InternTableFork::Before, &InternTableFork::After,
                              &InternTableFork::After) == 0;
  });
  return survives;
}

[[gnu::always_inline]] inline haft_status InternWith(
    haft_table* name, void* object, const haft_type* type,
    void (*destroy)(void*), void* context, haft_handle* handle) noexcept {
  if (object == nullptr || type == nullptr || handle == nullptr)
    return HAFT_INVALID;
  CTable* const table = TableOf(name);
  if (table == nullptr || !InternTableSurvivesFork()) return HAFT_OUT_OF_MEMORY;
  Handle interned = kNullHandle;
  const Status status =
      intern_table.Intern(*table, object, type, destroy, context, &interned);
  if (status != Status::kOk) return ToC(status);
  *handle = static_cast<haft_handle>(interned);
  if (fast_path_gate.IsSlowPathForced())
    observed::NoteInterned(*table, *handle, type, CallerLocation());
  return HAFT_OK;
}

[[gnu::always_inline]] inline haft_status Release(haft_table* name,
                                                  haft_handle handle) noexcept {
  CTable* const table = TableOf(name);
  if (table == nullptr) return HAFT_OUT_OF_MEMORY;
  const Status status = intern_table.Release(*table, Handle(handle));
  return fast_path_gate.IsSlowPathForced()
             ? observed::NoteReleased(name, handle, status, CallerLocation())
             : OkOrRefused(handle, status);
}

}  // namespace

void CollectInterned() noexcept { (void)intern_table.Collect(); }

}  // namespace HAFT_ABI
}  // namespace haft::internal

namespace internal = haft::internal;

extern "C" {

haft_status haft_table_intern_with(haft_table* table, void* object,
                                   const haft_type* type,
                                   void (*destroy)(void*), void* context,
                                   haft_handle* handle) {
  return internal::InternWith(table, object, type, destroy, context, handle);
}
haft_status haft_intern_with(void* object, const haft_type* type,
                             void (*destroy)(void*), void* context,
                             haft_handle* handle) {
  return internal::InternWith(nullptr, object, type, destroy, context, handle);
}
haft_status haft_table_intern(haft_table* table, void* object,
                              const haft_type* type, haft_handle* handle) {
  if (type == nullptr) return HAFT_INVALID;
  return internal::InternWith(table, object, type, type->destroy, object,
                              handle);
}
haft_status haft_intern(void* object, const haft_type* type,
                        haft_handle* handle) {
  if (type == nullptr) return HAFT_INVALID;
  return internal::InternWith(nullptr, object, type, type->destroy, object,
                              handle);
}

haft_status haft_table_release(haft_table* table, haft_handle handle) {
  return internal::Release(table, handle);
}
haft_status haft_release(haft_handle handle) {
  return internal::Release(nullptr, handle);
}

}  // extern "C"
