// A free list of one lock-free stack, for comparison: it is the simplest that
// works, and shows what contention costs.

#ifndef HAFT_GLOBAL_FREE_LIST_H_
#define HAFT_GLOBAL_FREE_LIST_H_

#include <cstddef>
#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/free_list/free_list_concept.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "haft/internal/free_list/handle_stack.h"

namespace haft {
inline namespace HAFT_ABI {

// Every thread pushes to and pops from the same tagged stack. No handle is
// stranded in a cache, so a table has exactly as many slots as its capacity.
class GlobalFreeList {
 public:
  struct Cache {};

  static std::size_t SlotsFor(std::size_t capacity,
                              std::size_t /*limit*/) noexcept {
    return capacity;
  }

  GlobalFreeList(std::size_t /*capacity*/, std::size_t range,
                 internal::FreshSlots* fresh_slots) noexcept
      : stack_(range, 1), fresh_slots_(fresh_slots) {}

  bool ok() const noexcept { return stack_.ok(); }

  template <typename Thread>
  bool Prepare(Thread&, std::size_t expected) noexcept {
    return stack_.Populate(expected);
  }

  template <typename Thread>
  Word Pop(Thread&) noexcept {
    if (const Word handle = TryPop()) return handle;
    if (const internal::HandleRun run = fresh_slots_->Take(1); run.count != 0)
      return run[0];
    // All slots have been taken, and that does not change. Therefore the table
    // is full if the only stack is empty now.
    return TryPop();
  }

  template <typename Thread>
  void Push(Thread&, Word handle) noexcept {
    stack_.Push(0, handle);
  }

  template <typename Thread, typename F>
  std::size_t TakeRecycled(Thread&, F&& f) noexcept {
    return stack_.PopSome(f);
  }
  // There are no slots beyond the capacity.
  static std::size_t MostInHand() noexcept { return 0; }

  template <typename F>
  void ForEach(F&& f) const {
    stack_.ForEach(f);
  }
  template <typename F>
  static void ForEachCached(const Cache&, unsigned, F&&) {}
  template <typename F>
  void Replace(F&& f) noexcept {
    stack_.Replace(f);
  }
  template <typename F>
  static void ReplaceCached(const Cache&, unsigned, F&&) noexcept {}

 private:
  Word TryPop() noexcept {
    std::uint64_t tags = 0;
    return stack_.Pop(0, &tags);
  }

  internal::HandleStack stack_;
  internal::FreshSlots* const fresh_slots_;
};

static_assert(internal::kIsFreeList<GlobalFreeList>);

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_GLOBAL_FREE_LIST_H_
