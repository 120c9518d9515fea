// Stripes of stacks, of which more are used when threads meet.

#ifndef HAFT_BENCH_SIMULATOR_PROPOSALS_GROWING_STACK_H_
#define HAFT_BENCH_SIMULATOR_PROPOSALS_GROWING_STACK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "haft/internal/base/abi.h"
#include "haft/internal/base/power_of_two.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/free_list/striped_stack.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// A link that has cache lines of its own. Neighbours in an array of links are
// written by threads that have nothing to do with each other, and a link is
// written for each exchange of a magazine, which is many times as large.
struct alignas(64) PaddedLink {
  std::uint32_t load(std::memory_order order) const noexcept {
    return link.load(order);
  }
  void store(std::uint32_t value, std::memory_order order) noexcept {
    link.store(value, order);
  }

  StackLink link;
};

// As StripedStack (haft/internal/free_list/striped_stack.h), and the number of
// stripes in use doubles when an operation has lost two races for a head, until
// there is one for each CPU. A Pop that finds nothing looks at all stripes in
// use, so that few of them are better as long as threads do not meet.
class GrowingStack {
 public:
  static constexpr unsigned kMostStripes = 256;

  // `stripes` and `most` are powers of two.
  GrowingStack(unsigned stripes, unsigned most) noexcept
      : heads_(most), stripes_(stripes), most_(most) {}
  // There are never fewer stripes than the caller asks for.
  explicit GrowingStack(unsigned stripes) noexcept
      : GrowingStack(stripes, MostFor(stripes, sync::CpuCount())) {}

  bool ok() const noexcept { return heads_.ok(); }

  // See ReservedArray.
  bool Populate() noexcept { return heads_.Populate(0, most_); }

  // Returns how many stripes there may be on a machine with so many CPUs.
  static unsigned MostFor(unsigned stripes, unsigned cpus) noexcept {
    const auto wanted = static_cast<unsigned>(CeilPowerOfTwo(cpus));
    if (wanted <= stripes) return stripes;
    return wanted < kMostStripes ? wanted : kMostStripes;
  }

  // For tests.
  unsigned stripes() const noexcept {
    return stripes_.load(std::memory_order_relaxed);
  }

  // As StripedStack::Push.
  template <typename Link>
  void Push(Link* links, unsigned stripe, std::uint32_t number) noexcept {
    Failures failures(this);
    // relaxed: an old number of stripes will do as well.
    sync::Atomic<std::uint64_t>& word =
        heads_[stripe & (stripes_.load(std::memory_order_relaxed) - 1)].word;
    // relaxed: as in StripedStack.
    StackHead head{word.load(std::memory_order_relaxed)};
    for (;;) {
      // relaxed: the element belongs to this thread until [D1] publishes it.
      links[number].store(head.link(), std::memory_order_relaxed);
      // [D1] seq_cst: as in StripedStack.
      if (word.compare_exchange_weak(head.word, head.Pushed(number).word,
                                     std::memory_order_seq_cst,
                                     std::memory_order_relaxed))
        return;
      failures.Count();
    }
  }

  // As StripedStack::Pop. The number of stripes is part of the tags: of two
  // calls in a row with the same tags, the second has looked at all stripes
  // that were in use between them.
  template <typename Link>
  std::uint32_t Pop(Link* links, unsigned stripe,
                    std::uint64_t* tags) noexcept {
    // [D5] acquire: partner of [D6].
    const unsigned stripes = stripes_.load(std::memory_order_acquire);
    *tags += stripes;
    for (unsigned i = 0; i < stripes; ++i) {
      const std::uint32_t number =
          PopFrom(links, (stripe + i) & (stripes - 1), tags);
      if (number != StripedStack::kNone) return number;
    }
    return StripedStack::kNone;
  }

  // Calls f(number) for every element. It is exact only if no thread pushes or
  // pops.
  template <typename Link, typename F>
  void ForEach(const Link* links, F&& f) const {
    for (unsigned i = 0; i < most_; ++i) {
      // acquire: as [D2]. relaxed: as in PopFrom.
      std::uint32_t link =
          StackHead{heads_[i].word.load(std::memory_order_acquire)}.link();
      for (; link != 0; link = links[link - 1].load(std::memory_order_relaxed))
        f(link - 1);
    }
  }

 private:
  struct alignas(128) PaddedHead {
    sync::Atomic<std::uint64_t> word;
  };

  // The races that one operation has lost.
  class Failures {
   public:
    explicit Failures(GrowingStack* stack) noexcept : stack_(stack) {}
    void Count() noexcept {
      if (++count_ == 2) stack_->Grow();
    }

   private:
    GrowingStack* const stack_;
    unsigned count_ = 0;
  };

  template <typename Link>
  std::uint32_t PopFrom(Link* links, unsigned index,
                        std::uint64_t* tags) noexcept {
    Failures failures(this);
    sync::Atomic<std::uint64_t>& word = heads_[index].word;
    for (;;) {
      // [D2] acquire: as in StripedStack.
      StackHead head{word.load(std::memory_order_acquire)};
      if (head.empty()) {
        *tags += head.tag();
        return StripedStack::kNone;
      }
      // relaxed: as in StripedStack.
      const std::uint32_t below =
          links[head.top()].load(std::memory_order_relaxed);
      // [D3] release: as in StripedStack.
      if (word.compare_exchange_weak(head.word, head.Popped(below).word,
                                     std::memory_order_release,
                                     std::memory_order_relaxed))
        return head.top();
      failures.Count();
    }
  }

  void Grow() noexcept {
    // relaxed: the CAS decides.
    unsigned stripes = stripes_.load(std::memory_order_relaxed);
    if (stripes == most_) return;
    // [D6] release: partner of [D5]. A push to a new stripe comes after it.
    stripes_.compare_exchange_strong(stripes, 2 * stripes,
                                     std::memory_order_release,
                                     std::memory_order_relaxed);
  }

  ReservedArray<PaddedHead> heads_;
  // Apart from the heads, because it is read at each operation.
  alignas(128) sync::Atomic<unsigned> stripes_;
  const unsigned most_;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_BENCH_SIMULATOR_PROPOSALS_GROWING_STACK_H_
