// Models of the tagged stacks. No handle is popped twice, none is lost, and
// each comes with the data that was written for it. A stack is reported empty
// only if all stripes were empty at one moment.

#include <cstdint>

#include "haft/handle.h"
#include "haft/handle_layout.h"
#include "haft/internal/free_list/handle_stack.h"
#include "haft/internal/free_list/striped_stack.h"
#include "tests/model/model.h"

namespace haft {
namespace {

using internal::HandleStack;
using model::Choose;
using model::Exploration;
using model::Require;

using Layout = HandleLayout<2, 3>;

// A handle outside the stack has one owner. The data that its owner writes goes
// with it.
class Stack {
 public:
  explicit Stack(unsigned stripes) : stack_(4, stripes) {}

  void Push(unsigned stripe, Word handle) {
    Sign(handle);
    stack_.Push(stripe, handle);
  }
  void PushTwo(unsigned stripe, Word first, Word second) {
    const Word handles[] = {first, second};
    Sign(first);
    Sign(second);
    stack_.PushChain(stripe, handles, 2);
  }
  Word Pop(unsigned stripe) {
    std::uint64_t tags = 0;
    return Own(stack_.Pop(stripe, &tags));
  }
  Word PopOrProveEmpty(unsigned stripe) {
    return Own(internal::PopOrProveEmpty(
        [&](std::uint64_t* tags) { return stack_.Pop(stripe, tags); }));
  }
  Word PopFrom(unsigned stripe) { return Own(stack_.PopFrom(stripe)); }
  template <typename F>
  void TakeAll(unsigned stripe, F f) {
    stack_.TakeAll(stripe, [&](Word handle) { f(Own(handle)); });
  }

  // Requires that each handle of the first `slots` slots is there once.
  void RequireAll(unsigned slots) {
    unsigned seen = 0;
    while (const Word handle = Pop(0)) {
      const unsigned bit = 1u << Layout::Index::Decode(handle);
      Require((seen & bit) == 0, "a handle twice");
      seen |= bit;
    }
    Require(seen == (1u << slots) - 1, "a handle lost");
  }

 private:
  void Sign(Word handle) {
    signed_[Layout::Index::Decode(handle)].Write(handle);
  }
  Word Own(Word handle) {
    if (handle != 0)
      Require(signed_[Layout::Index::Decode(handle)].Read() == handle,
              "not the handle that was pushed last");
    return handle;
  }

  HandleStack stack_;
  internal::sync::Plain<Word> signed_[4];
};

constexpr Word Handle(unsigned slot, Word generation = 1) {
  return Layout::Make(generation, slot);
}
constexpr Word Next(Word handle) { return handle + Layout::Generation::kOne; }

const Exploration kEach = Exploration().Bound(3).Random(40'000);

// A pop stands between its load and its CAS while the element is popped and
// pushed again.
struct PopAgainstPopPush {
  static constexpr unsigned kThreads = 2;
  Stack stack{1};

  PopAgainstPopPush() {
    stack.Push(0, Handle(1));
    stack.Push(0, Handle(0));
  }
  void Thread(unsigned i) {
    for (unsigned n = 0; n < 1 + i; ++n) {
      const Word handle = stack.Pop(0);
      if (handle != 0) stack.Push(0, Next(handle));
    }
  }
  void After() { stack.RequireAll(2); }
};
TEST(HandleStackModel, PopAgainstPopPush) { kEach.Holds<PopAgainstPopPush>(); }

// A chain is seen whole or not at all.
struct Chain {
  static constexpr unsigned kThreads = 2;
  Stack stack{1};

  Chain() { stack.Push(0, Handle(2)); }
  void Thread(unsigned i) {
    if (i == 0) {
      stack.PushTwo(0, Handle(0), Handle(1));
    } else if (const Word top = stack.Pop(0); top != Handle(2)) {
      Require(top == Handle(0), "the second before the first");
      Require(stack.Pop(0) == Handle(1), "the first without the second");
      Require(stack.Pop(0) == Handle(2), "the rest is lost");
    }
  }
  void After() {}
};
TEST(HandleStackModel, AChainIsSeenWholeOrNotAtAll) { kEach.Holds<Chain>(); }

// TakeAll against Push, Pop and TakeAll.
struct TakeAll {
  static constexpr unsigned kThreads = 3;
  Stack stack{1};

  TakeAll() {
    stack.Push(0, Handle(1));
    stack.Push(0, Handle(0));
  }
  void Thread(unsigned i) {
    if (i == 0) {
      if (const Word handle = stack.Pop(0)) stack.Push(0, Next(handle));
      return;
    }
    Word taken[2];
    unsigned count = 0;
    stack.TakeAll(0, [&](Word handle) { taken[count++] = handle; });
    while (count > 0) stack.Push(0, Next(taken[--count]));
  }
  void After() { stack.RequireAll(2); }
};
TEST(HandleStackModel, TakeAllAgainstPopAndPush) {
  Exploration().Bound(2).Random(40'000).Holds<TakeAll>();
}

// A mover pushes to one stripe before it pops from the other, so at each moment
// there is a handle in some stripe.
template <unsigned kMoves, bool kByTakeAll = false>
struct NeverEmpty {
  static constexpr unsigned kThreads = 2;
  Stack stack{2};

  NeverEmpty() { stack.Push(1, Handle(0)); }
  void Thread(unsigned i) {
    if (i == 0) {
      Word spare = Handle(1);
      for (unsigned move = 0; move < kMoves && spare != 0; ++move) {
        stack.Push(move % 2, spare);
        if (kByTakeAll) {
          stack.TakeAll(1 - move % 2, [&](Word handle) { spare = handle; });
        } else {
          spare = stack.PopFrom(1 - move % 2);
        }
      }
    } else {
      Require(stack.PopOrProveEmpty(0) != 0, "empty while one was there");
    }
  }
  void After() {}
};
TEST(HandleStackModel, EmptyIsNotSaidWhileAHandleMoves) {
  kEach.Holds<NeverEmpty<1>>();
}
TEST(HandleStackModel, EmptyIsNotSaidWhileAllAreTaken) {
  kEach.Holds<NeverEmpty<1, true>>();
}
TEST(HandleStackModel, EmptyIsNotSaidWhileAHandleMovesToAndFro) {
  Exploration().Bound(3).Random(200'000).Holds<NeverEmpty<3>>();
}

// No handle is left when all have been taken.
struct Drain {
  static constexpr unsigned kThreads = 3;
  Stack stack{2};
  unsigned popped = 0;

  Drain() {
    stack.Push(0, Handle(0));
    stack.Push(1, Handle(1));
  }
  void Thread(unsigned i) { popped += stack.PopOrProveEmpty(i % 2) != 0; }
  void After() { Require(popped == 2, "not each popped once"); }
};
TEST(HandleStackModel, EachIsPoppedOnce) {
  Exploration().Bound(2).Random(40'000).Holds<Drain>();
}

// The classic ABA case: a pop stands between its load and its CAS while another
// thread pops two elements and pushes them again, in either order.
template <unsigned kThreadsV>
struct PopPopPushPush {
  static constexpr unsigned kThreads = kThreadsV;
  Stack stack{1};

  PopPopPushPush() {
    for (unsigned slot = 3; slot-- > 0;) stack.Push(0, Handle(slot));
  }
  void Thread(unsigned i) {
    if (i == 1) {
      const Word a = stack.Pop(0), b = stack.Pop(0);
      const bool swapped = Choose(2) != 0;
      for (const Word handle : {swapped ? b : a, swapped ? a : b})
        if (handle != 0) stack.Push(0, Next(handle));
    } else if (const Word handle = stack.Pop(0)) {
      stack.Push(0, Next(handle));
    }
  }
  void After() { stack.RequireAll(3); }
};
TEST(HandleStackModel, PopAgainstPopPopPushPush) {
  Exploration().Bound(3).Random(100'000).Holds<PopPopPushPush<2>>();
}
TEST(HandleStackModel, TwoPopsAgainstPopPopPushPush) {
  Exploration().Bound(1).Random(100'000).Holds<PopPopPushPush<3>>();
}

}  // namespace
}  // namespace haft
