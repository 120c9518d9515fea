// What haft.cc does when somebody wants to know what it does.

#ifndef HAFT_INTERNAL_DIAGNOSTICS_DIAGNOSTICS_H_
#define HAFT_INTERNAL_DIAGNOSTICS_DIAGNOSTICS_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/probes.h"
#include "haft/internal/diagnostics/call_site_set.h"
#include "haft/internal/process/any_table.h"
#include "haft/internal/process/fast_path_gate.h"
#include "haft/status.h"

namespace haft::internal {
inline namespace HAFT_ABI {

inline haft_status ToC(Status status) noexcept {
  return static_cast<haft_status>(status);
}

// Where and by whom the handles of a table were made and deleted.
class Diagnostics;

// What haft_table is.
class Table final : public AnyTable {
 public:
  // nullptr: there is no memory.
  static std::unique_ptr<Table> Create(std::size_t capacity) noexcept;
  ~Table();

  // nullptr: that is not remembered.
  Diagnostics* diagnostics() const noexcept { return diagnostics_.get(); }

 private:
  explicit Table(std::size_t capacity) noexcept;

  std::unique_ptr<Diagnostics> diagnostics_;
};

// The table that is meant; nullptr when there is no memory for the process's.
Table* TableOf(haft_table* table) noexcept;

inline FastPathGate<Table> fast_path_gate;

// The same if there is nothing but the work to do; nullptr: the call is one for
// `diagnosed`, below. One load and one branch.
inline Table* FastPathTable(haft_table* table) noexcept {
  if (table == nullptr) return fast_path_gate.TableOrNull();
  return fast_path_gate.IsSlowPathForced() ? nullptr
                                           : reinterpret_cast<Table*>(table);
}

// Returns `status`, which is not kOk. The `caller` is where the call of Haft
// returns to, as of all probes.
[[gnu::cold, gnu::noinline]] inline haft_status Refused(
    haft_handle handle, Status status, const void* caller) noexcept {
  HAFT_PROBE3(refused, handle, static_cast<int>(status), caller);
  return ToC(status);
}

// Each call where it is watched, or the first. Places are those of the caller.
namespace observed {

[[gnu::cold]] haft_status New(haft_table*, void* object, const haft_type*,
                              haft_handle*, Place) noexcept;
[[gnu::cold]] haft_status NewWith(haft_table*, void* object, const haft_type*,
                                  void (*destroy)(void*), void* context,
                                  haft_handle*, Place) noexcept;
[[gnu::cold]] haft_status Value(haft_table*, haft_handle, const haft_type*,
                                void** object, Place) noexcept;
[[gnu::cold]] haft_status Pin(haft_table*, haft_handle, const haft_type*,
                              haft_pin*, void** object, Place) noexcept;
[[gnu::cold]] haft_status Delete(haft_table*, haft_handle, const haft_type*,
                                 Place) noexcept;
[[gnu::cold]] haft_status DeleteUnlessPinned(haft_table*, haft_handle,
                                             const haft_type*, Place) noexcept;
[[gnu::cold]] haft_status DeleteAndWait(haft_table*, haft_handle,
                                        const haft_type*,
                                        std::uint64_t nanoseconds,
                                        Place) noexcept;
[[gnu::cold]] haft_status Take(haft_table*, haft_handle, const haft_type*,
                               TakenObject*, Place) noexcept;

// When a handle was interned, and when haft_release has answered.
[[gnu::cold]] void Interned(Table&, haft_handle, const haft_type*,
                            Place) noexcept;
[[gnu::cold]] haft_status Released(haft_table*, haft_handle, Status,
                                   Place) noexcept;

// Of the must forms: tried once more, and if that is refused, too, the end.
[[gnu::cold]] void* MustValue(haft_handle, const haft_type*, Place) noexcept;
[[gnu::cold]] void MustDelete(haft_handle, const haft_type*, Place) noexcept;

}  // namespace observed

// As haft_table_describe, haft_table_report.
std::size_t Describe(Table& table, Handle handle, char* buffer,
                     std::size_t size) noexcept;
std::size_t Report(Table& table, std::size_t most,
                   void (*line)(void*, const char*), void* context) noexcept;

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_DIAGNOSTICS_H_
