// Lock-free stacks of ready-made handles.

#ifndef HAFT_INTERNAL_FREE_LIST_HANDLE_STACK_H_
#define HAFT_INTERNAL_FREE_LIST_HANDLE_STACK_H_

#include <cstddef>
#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/striped_stack.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// The node of a handle is that of its slot, so a push never needs memory: of
// each slot at most one handle is in the stack.
class HandleStack {
 public:
  // For the handles of `slots` slots, in `stripes` stacks. Both are powers of
  // two.
  HandleStack(std::size_t slots, unsigned stripes) noexcept
      : stack_(stripes), links_(slots), handles_(slots), mask_(slots - 1) {}

  bool ok() const noexcept {
    return stack_.ok() && links_.ok() && handles_.ok();
  }

  // Populates what the handles of the first `count` slots need; see
  // ReservedArray.
  bool Populate(std::size_t count) noexcept {
    bool has_memory = stack_.Populate();
    has_memory &= links_.Populate(0, count);
    has_memory &= handles_.Populate(0, count);
    return has_memory;
  }

  void Push(unsigned stripe, Word handle) noexcept {
    PushChain(stripe, &handle, 1);
  }

  // Pushes `count` > 0 handles in one step: no thread finds some of them
  // without the others.
  void PushChain(unsigned stripe, const Word* handles,
                 std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      handles_[Node(handles[i])].Write(handles[i]);
      // relaxed: the nodes belong to this thread until [D1] publishes them.
      if (i + 1 < count) {
        links_[Node(handles[i])].store(Node(handles[i + 1]) + 1,
                                       std::memory_order_relaxed);
      }
    }
    stack_.PushChain(links_.data(), stripe, Node(handles[0]),
                     Node(handles[count - 1]));
  }

  // Pops a handle from the first stack from `stripe` on that has one. Returns 0
  // if none has; for `tags` see StripedStack::Pop.
  Word Pop(unsigned stripe, std::uint64_t* tags) noexcept {
    const std::uint32_t node = stack_.Pop(links_.data(), stripe, tags);
    return node == StripedStack::kNone ? 0 : handles_[node].Read();
  }

  // Pops a handle from the stack `stripe`, or returns 0.
  Word PopFrom(unsigned stripe) noexcept {
    std::uint64_t tags = 0;
    const std::uint32_t node = stack_.PopFrom(links_.data(), stripe, &tags);
    return node == StripedStack::kNone ? 0 : handles_[node].Read();
  }

  // Pops a few handles of any of the stacks and calls f(handle) for each.
  // Returns how many; 0 if it has found none.
  template <typename F>
  std::size_t PopSome(F&& f) noexcept {
    constexpr std::size_t kSome = 64;
    std::uint64_t tags = 0;
    for (std::size_t n = 0; n < kSome; ++n) {
      const Word handle = Pop(0, &tags);
      if (handle == 0) return n;
      f(handle);
    }
    return kSome;
  }

  // Takes all handles of the stack `stripe` and calls f(handle) for each. f may
  // push the handle again.
  template <typename F>
  void TakeAll(unsigned stripe, F&& f) {
    std::uint32_t link = stack_.TakeAll(stripe);
    while (link != 0) {
      const std::uint32_t node = link - 1;
      // relaxed: the chain belongs to this thread.
      link = links_[node].load(std::memory_order_relaxed);
      f(handles_[node].Read());
    }
  }

  // Calls f(handle) for every handle. It is exact only if no thread pushes or
  // pops.
  template <typename F>
  void ForEach(F&& f) const {
    stack_.ForEach(links_.data(),
                   [&](std::uint32_t node) { f(handles_[node].Read()); });
  }

  // Replaces every handle by f(handle), of the same slot. No other thread may
  // be inside a call.
  template <typename F>
  void Replace(F&& f) noexcept {
    stack_.ForEach(links_.data(), [&](std::uint32_t node) {
      handles_[node].Write(f(handles_[node].Read()));
    });
  }

 private:
  std::uint32_t Node(Word handle) const noexcept {
    return static_cast<std::uint32_t>(handle >> 1 & mask_);
  }

  StripedStack stack_;
  ReservedArray<StackLink> links_;
  ReservedArray<sync::Plain<Word>> handles_;
  const Word mask_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_FREE_LIST_HANDLE_STACK_H_
