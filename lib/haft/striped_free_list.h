// A free list of one lock-free stack for each CPU.

#ifndef HAFT_STRIPED_FREE_LIST_H_
#define HAFT_STRIPED_FREE_LIST_H_

#include <cstddef>
#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/power_of_two.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/free_list_concept.h"
#include "haft/internal/free_list/fresh_slots.h"
#include "haft/internal/free_list/handle_stack.h"

namespace haft {
inline namespace HAFT_ABI {

// Threads push to and pop from the stack of the CPU on which they run, and
// search the other stacks if it is empty. A thread that is moved to another CPU
// in between is slower, and still correct. No handle is stranded in a cache, so
// a table has exactly as many slots as its capacity.
class StripedFreeList {
 public:
  struct Cache {};

  static std::size_t SlotsFor(std::size_t capacity,
                              std::size_t /*limit*/) noexcept {
    return capacity;
  }

  StripedFreeList(std::size_t /*capacity*/, std::size_t range,
                  internal::FreshSlots* fresh_slots) noexcept
      : stack_(range, static_cast<unsigned>(internal::CeilPowerOfTwo(
                          internal::sync::CpuCount()))),
        fresh_slots_(fresh_slots) {}

  bool ok() const noexcept { return stack_.ok(); }

  template <typename Thread>
  bool Prepare(Thread&, std::size_t expected) noexcept {
    return stack_.Populate(expected);
  }

  template <typename Thread>
  Word Pop(Thread&) noexcept {
    const unsigned cpu = internal::sync::CpuIndex();
    return internal::PopOrProveEmpty([&](std::uint64_t* tags) {
      if (const Word handle = stack_.Pop(cpu, tags)) return handle;
      const internal::HandleRun run = fresh_slots_->Take(1);
      return run.count != 0 ? run[0] : Word{0};
    });
  }

  template <typename Thread>
  void Push(Thread&, Word handle) noexcept {
    stack_.Push(internal::sync::CpuIndex(), handle);
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
  internal::HandleStack stack_;
  internal::FreshSlots* const fresh_slots_;
};

static_assert(internal::kIsFreeList<StripedFreeList>);

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_STRIPED_FREE_LIST_H_
