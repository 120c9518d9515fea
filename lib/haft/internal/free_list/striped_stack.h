// Lock-free stacks of small numbers, several side by side, so that threads that
// start at different stacks do not meet.

#ifndef HAFT_INTERNAL_FREE_LIST_STRIPED_STACK_H_
#define HAFT_INTERNAL_FREE_LIST_STRIPED_STACK_H_

#include <cstddef>
#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// The top of a stack and a tag, in one word:
//
//   [ tag : 33 | link : 31 ]
//
// `link` is the number of the top element plus one, or 0 if the stack is empty.
//
// Every push advances the tag, and so there is no ABA: a head that was read
// while element A was on top is never seen again once A has been popped,
// because only a push can put A on top again, and that push advances the tag.
// (The tag repeats after 2^33 pushes.)
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

// The link from an element to the one below: the number of that one plus one,
// or 0 at the bottom. The memory of links stays mapped as long as a stack uses
// it, so a racing Pop may read the link of an element that is no longer in the
// stack. Its CAS then fails because of the tag.
using StackLink = sync::Atomic<std::uint32_t>;

// Elements are numbers below 2^31 - 1. An element is in at most one stack.
class StripedStack {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  // `stripes` is a power of two.
  explicit StripedStack(unsigned stripes) noexcept
      : heads_(stripes), mask_(stripes - 1) {}

  bool ok() const noexcept { return heads_.ok(); }

  // See ReservedArray.
  bool Populate() noexcept { return heads_.Populate(0, mask_ + 1); }

  // Pushes the elements first..last, which are linked from first to last, in
  // one step. Lock-free.
  void PushChain(StackLink* links, unsigned stripe, std::uint32_t first,
                 std::uint32_t last) noexcept {
    sync::Atomic<std::uint64_t>& word = heads_[stripe & mask_].word;
    // relaxed: the head is only copied into a link. The elements below were
    // published by their own push, and [D1] continues that release sequence.
    StackHead head{word.load(std::memory_order_relaxed)};
    do {
      // relaxed: the element belongs to this thread until [D1] publishes it.
      links[last].store(head.link(), std::memory_order_relaxed);
      // [D1] seq_cst: as a release it publishes the links and what the caller
      // wrote for these elements, and synchronises with [D2]. seq_cst, because
      // a caller that leaves an element to another thread then reads whether
      // that thread is still there to take it: either that thread's [D4] sees
      // the element, or the caller sees what that thread did before [D4].
      // relaxed on failure: as the load above.
    } while (!word.compare_exchange_weak(head.word, head.Pushed(first).word,
                                         std::memory_order_seq_cst,
                                         std::memory_order_relaxed));
  }
  void Push(StackLink* links, unsigned stripe, std::uint32_t number) noexcept {
    PushChain(links, stripe, number, number);
  }

  // Pops an element of the first stack from `stripe` on that is not empty, or
  // returns kNone. Lock-free. kNone means that each stack was empty at some
  // moment, not that all were empty at the same moment. To prove the latter,
  // the sum of their tags is added to `*tags` (see PopOrProveEmpty).
  std::uint32_t Pop(StackLink* links, unsigned stripe,
                    std::uint64_t* tags) noexcept {
    for (unsigned i = 0; i <= mask_; ++i) {
      const std::uint32_t number = PopFrom(links, stripe + i, tags);
      if (number != kNone) return number;
    }
    return kNone;
  }

  // Pops an element of the stack `stripe`, or returns kNone and adds the
  // stack's tag to `*tags`. Lock-free.
  std::uint32_t PopFrom(StackLink* links, unsigned stripe,
                        std::uint64_t* tags) noexcept {
    sync::Atomic<std::uint64_t>& word = heads_[stripe & mask_].word;
    for (;;) {
      // [D2] acquire: sees all that [D1] published with the top element; if the
      // stack is empty, sees what precedes the [D3] that emptied it. Mutant D2:
      // relaxed reads the old contents of a magazine.
      StackHead head{word.load(std::memory_order_acquire)};
      if (head.empty()) {
        *tags += head.tag();
        return kNone;
      }
      // relaxed: [D2] has made the link visible. If the link is out of date, so
      // is the tag, and the CAS fails.
      const std::uint32_t below =
          links[head.top()].load(std::memory_order_relaxed);
      // [D3] release: a thread whose [D2] finds that this pop has emptied the
      // stack sees what this thread pushed to another stack before. Mutant D3:
      // relaxed reports "all empty" while an element moves from one stack to
      // another.
      if (word.compare_exchange_weak(head.word, head.Popped(below).word,
                                     std::memory_order_release,
                                     std::memory_order_relaxed)) {
        return head.top();
      }
    }
  }

  // Takes all elements of the stack `stripe`, which stay linked. Returns the
  // number of the first plus one, or 0 if there is none. Lock-free.
  std::uint32_t TakeAll(unsigned stripe) noexcept {
    sync::Atomic<std::uint64_t>& word = heads_[stripe & mask_].word;
    for (;;) {
      // [D4] seq_cst: it comes after what the caller did before. Either it sees
      // the element of a racing [D1], or the thread that pushes sees what the
      // caller did before. It is also an acquire, as [D2]: it sees the contents
      // of every element, because [D1] continues the release sequences.
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

  // Calls f(number) for every element. It is exact only if no thread pushes or
  // pops; for tests and statistics.
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
  // Each head has a pair of cache lines, because hardware fetches lines in
  // pairs.
  struct alignas(128) PaddedHead {
    sync::Atomic<std::uint64_t> word;
  };

  ReservedArray<PaddedHead> heads_;
  const unsigned mask_;
};

// Pops a handle from one of several places, or proves that all are empty.
// pop(&tags) must try all places and add the tags of those that it finds empty.
// PopOrProveEmpty calls it until it returns a handle, or until two calls in a
// row find everything empty under the same tags. In the latter case there was
// no push between the two calls, so there was a moment at which all places were
// empty, and 0 is the correct answer. (If an element had moved from one place
// to another by a push before a pop, a thread that saw the pop in the first
// call would see the push in the second, because of [D3].) Lock-free: each
// further round means that another thread has pushed.
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
