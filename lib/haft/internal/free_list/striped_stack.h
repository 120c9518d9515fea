// Lock-free stacks of small numbers, side by side so that threads which start
// at different ones do not meet.

#ifndef HAFT_INTERNAL_FREE_LIST_STRIPED_STACK_H_
#define HAFT_INTERNAL_FREE_LIST_STRIPED_STACK_H_

#include <cstddef>
#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// The top of a stack and a tag, in one word: [ tag | number of the top element
// + 1 ]; 0 below means empty.
//
// Every push advances the tag. So a head that was read while element A was on
// top is never seen again once A has been popped: for A to be on top again
// somebody must push, and the tag moves on (no ABA, until 2^33 pushes have
// passed).
struct StackHead {
  static constexpr unsigned kNumberBits = 31;
  static constexpr std::uint64_t kOneTag = std::uint64_t{1} << kNumberBits;

  std::uint64_t word;

  bool empty() const noexcept { return (word & (kOneTag - 1)) == 0; }
  std::uint32_t top() const noexcept {
    return static_cast<std::uint32_t>((word & (kOneTag - 1)) - 1);
  }
  std::uint32_t link() const noexcept {
    return static_cast<std::uint32_t>(word & (kOneTag - 1));
  }
  std::uint64_t tag() const noexcept { return word >> kNumberBits; }

  StackHead Pushed(std::uint32_t number) const noexcept {
    return {((word & ~(kOneTag - 1)) + kOneTag) | (number + 1)};
  }
  StackHead Popped(std::uint32_t link) const noexcept {
    return {(word & ~(kOneTag - 1)) | link};
  }
};

// How an element points at the one below: its number + 1, 0 at the bottom. The
// memory of links stays mapped as long as any stack uses it, so a racing Pop
// may read the link of an element that is no longer in the stack; the tag then
// makes its CAS fail.
using StackLink = sync::Atomic<std::uint32_t>;

// Elements are numbers below 2^31 - 1; an element is in one stack at most.
class StripedStack {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  // `stripes` is a power of two.
  explicit StripedStack(unsigned stripes) noexcept
      : heads_(stripes), mask_(stripes - 1) {}

  bool ok() const noexcept { return heads_.ok(); }

  // Pushes the elements first..last, which are linked from first to last, as
  // one. Lock-free.
  void PushChain(StackLink* links, unsigned stripe, std::uint32_t first,
                 std::uint32_t last) noexcept {
    sync::Atomic<std::uint64_t>& word = heads_[stripe & mask_].word;
    // relaxed: only copied into a link; what lies below is published by its own
    // push, and [D1] continues that release.
    StackHead head{word.load(std::memory_order_relaxed)};
    do {
      // relaxed: the element is this thread's until [D1] publishes it.
      links[last].store(head.link(), std::memory_order_relaxed);
      // [D1] seq_cst: before what the caller does after leaving something to
      // another thread, where that thread may be about to TakeAll [D4]. This is
      // also the release that publishes the links and what the caller wrote for
      // these elements; it synchronises with [D2]. relaxed on failure: as the
      // load above.
    } while (!word.compare_exchange_weak(head.word, head.Pushed(first).word,
                                         std::memory_order_seq_cst,
                                         std::memory_order_relaxed));
  }
  void Push(StackLink* links, unsigned stripe, std::uint32_t number) noexcept {
    PushChain(links, stripe, number, number);
  }

  // An element of the first non-empty stack from `stripe` on, or kNone.
  // Lock-free. kNone says that each stack was empty at some moment, not that
  // all were at one: for that, `*tags` grows by the sum of their tags (see
  // PopOrProveEmpty).
  std::uint32_t Pop(StackLink* links, unsigned stripe,
                    std::uint64_t* tags) noexcept {
    for (unsigned i = 0; i <= mask_; ++i) {
      const std::uint32_t number = PopFrom(links, stripe + i, tags);
      if (number != kNone) return number;
    }
    return kNone;
  }

  // An element of that one stack, or kNone. Lock-free.
  std::uint32_t PopFrom(StackLink* links, unsigned stripe,
                        std::uint64_t* tags) noexcept {
    sync::Atomic<std::uint64_t>& word = heads_[stripe & mask_].word;
    for (;;) {
      // [D2] acquire: sees all that [D1] published with the top element, and if
      // there is none what came before [D3]. Mutant D2: a magazine's old
      // contents.
      StackHead head{word.load(std::memory_order_acquire)};
      if (head.empty()) {
        *tags += head.tag();
        return kNone;
      }
      // relaxed: [D2] has what is needed; if the link is out of date, so is the
      // tag, and the CAS fails.
      const std::uint32_t below =
          links[head.top()].load(std::memory_order_relaxed);
      // [D3] release: whoever finds this stack empty by this, at [D2], then
      // sees what this thread has pushed to another one before. Mutant D3:
      // "all empty" while an element moves from one to the other.
      if (word.compare_exchange_weak(head.word, head.Popped(below).word,
                                     std::memory_order_release,
                                     std::memory_order_relaxed)) {
        return head.top();
      }
    }
  }

  // Takes all elements of that one stack, linked as they were: the number + 1
  // of the first, 0 if there is none. Lock-free.
  std::uint32_t TakeAll(unsigned stripe) noexcept {
    sync::Atomic<std::uint64_t>& word = heads_[stripe & mask_].word;
    for (;;) {
      // [D4] seq_cst: after what the caller did before it; it sees [D1], or who
      // pushes sees that. Also acquire, as [D2]: the contents of every element,
      // by the releases that [D1] continues.
      StackHead head{word.load(std::memory_order_seq_cst)};
      if (head.empty()) return 0;
      // As [D3].
      if (word.compare_exchange_weak(head.word, head.Popped(0).word,
                                     std::memory_order_release,
                                     std::memory_order_relaxed)) {
        return head.link();
      }
    }
  }

  // Calls f(number) for every element. For tests and statistics: exact only
  // when nobody pushes or pops.
  template <typename F>
  void ForEach(const StackLink* links, F&& f) const {
    for (unsigned i = 0; i <= mask_; ++i) {
      // acquire: as [D2]. relaxed: as in Pop.
      std::uint32_t link =
          StackHead{heads_[i].word.load(std::memory_order_acquire)}.link();
      for (; link != 0; link = links[link - 1].load(std::memory_order_relaxed))
        f(link - 1);
    }
  }

 private:
  // A pair of cache lines each: hardware fetches lines in pairs.
  struct alignas(128) PaddedHead {
    sync::Atomic<std::uint64_t> word;
  };

  ReservedArray<PaddedHead> heads_;
  const unsigned mask_;
};

// Calls pop(&tags), which tries all places and adds the tags of those it found
// empty, until it returns a handle or until two calls in a row find everything
// empty under the same tags. No push came between those two, so there was a
// moment when all places were empty at once: that is when 0 is the true answer.
// (Had an element moved from one place to another, by a push before a pop, then
// whoever saw the pop in the first call sees the push in the second: [D3].)
// Lock-free: another round means that another thread has pushed.
template <typename F>
auto PopOrProveEmpty(F&& pop) noexcept {
  for (std::uint64_t before = 0, round = 0;; ++round) {
    std::uint64_t tags = 0;
    const auto handle = pop(&tags);
    if (handle != 0 || (round != 0 && tags == before)) return handle;
    before = tags;
  }
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_FREE_LIST_STRIPED_STACK_H_
