// Stress tests of linearizability: every table over every free list under load
// from many threads, where the history of each run can be explained.
// HAFT_HISTORY_OPERATIONS: tests/support/workload.h.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "haft/cds/cds_free_list.h"
#include "haft/global_free_list.h"
#include "haft/handle_table.h"
#include "haft/magazine_free_list.h"
#include "haft/object_table.h"
#include "haft/striped_free_list.h"
#include "tests/support/history.h"
#include "tests/support/linearizability.h"
#include "tests/support/testing.h"
#include "tests/support/workload.h"

namespace haft::testing {
namespace {

template <typename FreeListT, std::size_t kCapacityV,
          typename LayoutT = DefaultLayout,
          Exhaustion kExhaustionV = Exhaustion::kDropSlot>
struct Setup : TestTraits<FreeListT, LayoutT, kExhaustionV> {
  static constexpr std::size_t kCapacity = kCapacityV;
  static constexpr bool kIsSmall =
      !std::is_same_v<Setup, Setup<MagazineFreeList, 24>>;

  // The number of live handles at which New may report a full table. If a put
  // of libcds races with a get, the put leaves its element to the get, which
  // hides it until it returns.
  static std::size_t CapacityWith(unsigned threads) {
    const bool hides = std::is_same_v<FreeListT, CdsFreeList>;
    return hides ? kCapacity - (threads - 1) : kCapacity;
  }
};
// 2,048 slots and magazines of one handle, so that the table can become full.
using FewSlots = HandleLayout<11, haft::testing::kWordBits - 12>;
using Setups =
    ::testing::Types<Setup<MagazineFreeList, 24>,
                     Setup<MagazineFreeList, 500, FewSlots>,
                     Setup<StripedFreeList, 24>, Setup<GlobalFreeList, 24>,
                     Setup<CdsFreeList, 24>>;
// The same with handles that are soon issued again.
template <unsigned kIndexBits>
using Wrapping = HandleLayout<kIndexBits, 2>;
using WrappingSetups = ::testing::Types<
    Setup<MagazineFreeList, 500, Wrapping<11>, Exhaustion::kWrap>,
    Setup<StripedFreeList, 24, Wrapping<5>, Exhaustion::kWrap>,
    Setup<GlobalFreeList, 24, Wrapping<5>, Exhaustion::kWrap>>;
// ---------------------------------------------------------------------------
// Tables of values

template <typename SetupT>
class ValueWorkload : public Workload<ValueWorkload<SetupT>> {
 public:
  using Base = Workload<ValueWorkload>;
  using Base::Base;

  void RunThread(Log& log, std::minstd_rand& random) {
    Memory memory;
    Flood(log);
    while (!this->IsDone(log)) {
      switch (random() % 9) {
        case 0:
        case 1:
          Make(log, random, memory);
          break;
        case 2:
          Delete(log, this->Look(random));
          break;
        case 5:
          Batches(log, random, memory);
          break;
        case 3:
          Delete(log, memory.Any(random));
          break;
        case 4:
          if (const Handle handle = memory.Any(random))
            log.Value(table_, handle);
          break;
        default:
          if (const Handle handle = this->Look(random))
            log.Value(table_, handle);
          break;
      }
      if (random() % 16384 == 0) Flood(log);
    }
  }

  void Finish(Log& log) {
    std::vector<Handle> live;
    table_.ForEach(
        [&](Handle handle, const Sealed&) { live.push_back(handle); });
    for (Handle handle : live) EXPECT_TRUE(log.Delete(table_, handle));
    EXPECT_EQ(table_.Stats().live, 0u);
    ExpectConservation(table_);
  }

 private:
  void Delete(Log& log, Handle handle) {
    if (handle) log.Delete(table_, handle);
  }
  void Make(Log& log, std::minstd_rand& random, Memory& memory) {
    const Handle handle = log.New(table_, this->NextValue(log));
    if (handle == kNullHandle) return Delete(log, memory.Any(random));
    Delete(log, memory.Replace(random, this->Swap(random, handle)));
  }
  // Each operation of a batch takes effect at some moment during the batch.
  void Batches(Log& log, std::minstd_rand& random, Memory& memory) {
    constexpr std::size_t kMost = 5;
    const std::size_t count = 1 + random() % kMost;
    std::array<Sealed, kMost> values;
    std::array<Handle, kMost> handles;
    const std::uint32_t first = this->NextValue(log);
    for (std::uint32_t i = 0; i < count; ++i) values[i] = Sealed(first + i);
    Stamp begin = log.clock().Before();
    const std::size_t made =
        table_.NewBatch(values.data(), count, handles.data());
    Stamp end = log.clock().After();
    for (std::uint32_t i = 0; i < made; ++i)
      log.Add(Op::kNew, begin, end, static_cast<Word>(handles[i]), first + i);
    if (made < count) log.Add(Op::kFull, begin, end);

    for (std::size_t i = 0; i < made; ++i) {
      const Handle swapped = this->Swap(random, handles[i]);
      handles[i] = memory.Replace(random, swapped ? swapped : handles[i]);
    }
    const auto last =
        std::remove(handles.begin(), handles.begin() + made, kNullHandle);
    const auto dropped = static_cast<std::size_t>(last - handles.begin());
    std::array<std::optional<Sealed>, kMost> deleted;
    begin = log.clock().Before();
    table_.DeleteBatch(handles.data(), dropped, deleted.data());
    end = log.clock().After();
    for (std::size_t i = 0; i < dropped; ++i) {
      const bool won = deleted[i].has_value();
      log.Add(won ? Op::kDelete : Op::kMiss, begin, end,
              static_cast<Word>(handles[i]),
              won ? deleted[i]->value() : Event::kNoValue);
    }
  }
  void Flood(Log& log) {
    std::vector<Handle> handles;
    while (handles.size() < kFlood) {
      const Handle handle = log.New(table_, this->NextValue(log));
      if (handle == kNullHandle) break;
      handles.push_back(handle);
    }
    for (Handle handle : handles) log.Delete(table_, handle);
  }

  HandleTable<Sealed, SetupT> table_{SetupT::kCapacity};
};

template <typename SetupT>
class HandleTableLinearizabilityStressTest : public ::testing::Test {
 protected:
  using Layout = typename SetupT::Layout;
  using Checker = LinearizabilityChecker<Layout>;

  static void Run(unsigned threads, Passing passing) {
    ValueWorkload<SetupT> workload(threads, passing);
    workload.Run();
    std::vector<Event> history = workload.TakeHistory();
    for (Op op : {Op::kNew, Op::kHit, Op::kMiss, Op::kDelete})
      EXPECT_GT(CountOf(history, op), 0u) << int(op);
    EXPECT_GT(CountOf(history, Op::kNew), history.size() / 500);
    EXPECT_TRUE(!SetupT::kIsSmall || CountOf(history, Op::kFull) > 0);
    workload.template ExpectExplained<Layout>(Checker::Kind::kValues,
                                              SetupT::CapacityWith(threads),
                                              std::move(history));
  }
};
TYPED_TEST_SUITE(HandleTableLinearizabilityStressTest, Setups);

template <typename SetupT>
class WrappingHandleTableLinearizabilityStressTest : public ::testing::Test {
 protected:
  static void Run(unsigned threads, Passing passing) {
    ValueWorkload<SetupT> workload(threads, passing);
    workload.Run();
    std::vector<Event> history = workload.TakeHistory();
    std::unordered_set<Word> issued;
    for (const Event& event : history) {
      if (event.op == Op::kNew) issued.insert(event.handle);
    }
    EXPECT_GT(CountOf(history, Op::kNew), 2 * issued.size());
    EXPECT_GT(CountOf(history, Op::kFull), 0u);
    EXPECT_EQ(CountOf(history, Op::kNew), CountOf(history, Op::kDelete))
        << "a value was lost, or made by nobody";
    workload.template ExpectExplained<LifeLayout>(
        LinearizabilityChecker<LifeLayout>::Kind::kValues,
        SetupT::CapacityWith(threads), ByLives(std::move(history)));
  }
};
TYPED_TEST_SUITE(WrappingHandleTableLinearizabilityStressTest, WrappingSetups);

TYPED_TEST(WrappingHandleTableLinearizabilityStressTest, AThreadForEachCore) {
  this->Run(Cores(), Passing::kSynchronised);
}
TYPED_TEST(WrappingHandleTableLinearizabilityStressTest, MoreThreadsThanCores) {
  this->Run(kOversubscribed, Passing::kSynchronised);
}
TYPED_TEST(WrappingHandleTableLinearizabilityStressTest,
           UnsynchronisedHandlesAndMoreThreadsThanCores) {
  this->Run(kOversubscribed, Passing::kUnsynchronised);
}

TYPED_TEST(HandleTableLinearizabilityStressTest, AThreadForEachCore) {
  this->Run(Cores(), Passing::kSynchronised);
}
TYPED_TEST(HandleTableLinearizabilityStressTest, MoreThreadsThanCores) {
  this->Run(kOversubscribed, Passing::kSynchronised);
}
TYPED_TEST(HandleTableLinearizabilityStressTest, WithoutFences) {
  this->Run(Cores(), Passing::kWithoutFences);
}
TYPED_TEST(HandleTableLinearizabilityStressTest,
           WithoutFencesAndMoreThreadsThanCores) {
  this->Run(kOversubscribed, Passing::kWithoutFences);
}
TYPED_TEST(HandleTableLinearizabilityStressTest, UnsynchronisedHandles) {
  this->Run(Cores(), Passing::kUnsynchronised);
}
TYPED_TEST(HandleTableLinearizabilityStressTest,
           UnsynchronisedHandlesAndMoreThreadsThanCores) {
  this->Run(kOversubscribed, Passing::kUnsynchronised);
}

// ---------------------------------------------------------------------------
// Tables of objects

thread_local Log* log_of_this_thread = nullptr;

// An object that reports its destruction by its table.
class Recorded {
 public:
  explicit Recorded(std::uint32_t value) : value_(value) {}
  // An object that the table moves out no longer belongs to it.
  Recorded(Recorded&& other) noexcept : value_(other.value_), owned_(false) {}
  ~Recorded() {
    const std::uint32_t value = std::exchange(value_, Event::kTornValue);
    if (!owned_) return;
    Log& log = *log_of_this_thread;
    const Stamp begin = log.clock().After();
    log.Add(Op::kDestroy, begin, log.clock().Before(), 0, value);
  }
  std::uint32_t value() const { return value_; }

 private:
  std::uint32_t value_;
  bool owned_ = true;
};

template <typename SetupT>
class ObjectWorkload : public Workload<ObjectWorkload<SetupT>> {
  using Table = ObjectTable<Recorded, SetupT>;
  using Pinned = typename Table::Pinned;

 public:
  using Base = Workload<ObjectWorkload>;
  using Base::Base;

  void RunThread(Log& log, std::minstd_rand& random) {
    log_of_this_thread = &log;
    Memory memory;
    std::vector<Held> held;
    Flood(log);
    while (!this->IsDone(log)) {
      Step(log, random, memory, held);
      if (random() % 16384 == 0) Flood(log);
      if (random() % 64 == 0) Scope(log, random, memory, held);
    }
    for (Held& pin : held) Unpin(log, pin);
  }

  void Finish(Log& log) {
    log_of_this_thread = &log;
    for (std::atomic<Held*>& passed : passed_) {
      const std::unique_ptr<Held> pin(passed.load());
      if (pin) Unpin(log, *pin);
    }
    std::vector<Handle> live;
    table_.ForEach(
        [&](Handle handle, const Recorded&) { live.push_back(handle); });
    for (Handle handle : live) Delete(log, handle, 0);
    EXPECT_EQ(table_.Stats().live, 0u);
    EXPECT_EQ(table_.Stats().retired_objects, 0u);
  }

 private:
  struct Held {
    Pinned pin;
    std::uint32_t value;
  };

  void Step(Log& log, std::minstd_rand& random, Memory& memory,
            std::vector<Held>& held) {
    const Handle handle =
        random() % 4 == 0 ? memory.Any(random) : this->Look(random);
    switch (random() % 12) {
      case 0:
      case 1:
      case 2:
        return Make(log, random, memory);
      case 3:
      case 4:
        return Delete(log, handle, random());
      case 5:
        return Check(log, handle);
      case 6:
        return Pass(log, random, held);
      case 8:
        if (random() % 2 == 0) return DeleteBatch(log, random, memory);
        [[fallthrough]];
      case 7:
        return LetGo(log, held, random() % 4);
      default:
        return Pin(log, random, handle, held);
    }
  }

  // Makes some steps inside a read scope, and finds objects in it.
  void Scope(Log& log, std::minstd_rand& random, Memory& memory,
             std::vector<Held>& held) {
    struct Found {
      Word handle;
      const Recorded* object;
      std::uint32_t value;
    };
    std::array<Found, 4> found;
    std::size_t count = 0;
    const Stamp begin = log.clock().Before();
    std::optional<typename Table::ReadScope> scope(table_);
    while (count < found.size() && random() % 8 != 0) {
      if (const Handle handle = this->Look(random)) {
        const Word word = static_cast<Word>(handle);
        const Stamp start = log.clock().Before();
        const Recorded* const object = scope->Find(handle);
        const std::uint32_t value = object ? object->value() : Event::kNoValue;
        log.Add(object ? Op::kPin : Op::kMiss, start, log.clock().After(), word,
                value);
        if (object) found[count++] = {word, object, value};
      }
      Step(log, random, memory, held);
    }
    for (std::size_t i = 0; i < count; ++i)
      EXPECT_EQ(found[i].object->value(), found[i].value);
    const Stamp end = log.clock().Before();
    scope.reset();
    const Stamp after = log.clock().After();
    for (std::size_t i = 0; i < count; ++i)
      log.Add(Op::kUnpin, end, after, found[i].handle);
    log.Add(Op::kScope, begin, after);
  }

  Handle New(Log& log) {
    const std::uint32_t value = this->NextValue(log);
    const Stamp begin = log.clock().Before();
    const Handle handle = table_.Emplace(value);
    const Stamp end = log.clock().After();
    if (handle == kNullHandle) {
      log.Add(Op::kFull, begin, end);
    } else {
      log.Add(Op::kNew, begin, end, static_cast<Word>(handle), value);
    }
    return handle;
  }

  void Make(Log& log, std::minstd_rand& random, Memory& memory) {
    const Handle handle = New(log);
    if (handle == kNullHandle) return Delete(log, memory.Any(random), random());
    Delete(log, memory.Replace(random, this->Swap(random, handle)), random());
  }

  void Flood(Log& log) {
    std::vector<Handle> handles;
    while (handles.size() < kFlood) {
      const Handle handle = New(log);
      if (handle == kNullHandle) break;
      handles.push_back(handle);
    }
    for (Handle handle : handles) Delete(log, handle, 0);
  }

  // Deletes in one of the ways that the table offers.
  void Delete(Log& log, Handle handle, unsigned way) {
    if (!handle) return;
    const Stamp begin = log.clock().Before();
    Status status = Status::kOk;
    Op won = Op::kDeleteAtOnce;
    switch (way % 8) {
      case 1:
        status = table_.DeleteUnlessPinned(handle);
        break;
      case 2:
        (void)table_.Take(handle, &status);
        break;
      case 3:
        status = table_.DeleteAndWait(handle, std::chrono::nanoseconds(0));
        break;
      default:
        status = table_.Delete(handle);
        won = Op::kDelete;
    }
    const Stamp end = log.clock().After();
    log.Add(status == Status::kOk         ? won
            : status == Status::kTimedOut ? Op::kDelete
            : status == Status::kPinned   ? Op::kRefuseInUse
            : status == Status::kScoped   ? Op::kRefuseInUse
                                          : Op::kMiss,
            begin, end, static_cast<Word>(handle));
  }

  void DeleteBatch(Log& log, std::minstd_rand& random, const Memory& memory) {
    std::array<Handle, 3> handles;
    std::size_t count = 0;
    for (std::size_t i = 0; i < handles.size(); ++i) {
      const Handle handle = i == 0 ? memory.Any(random) : this->Look(random);
      if (handle) handles[count++] = handle;
    }
    std::array<Status, handles.size()> statuses;
    const Stamp begin = log.clock().Before();
    table_.DeleteBatch(handles.data(), count, statuses.data());
    const Stamp end = log.clock().After();
    for (std::size_t i = 0; i < count; ++i) {
      log.Add(statuses[i] == Status::kOk ? Op::kDelete : Op::kMiss, begin, end,
              static_cast<Word>(handles[i]));
    }
  }

  void Check(Log& log, Handle handle) {
    if (!handle) return;
    const Stamp begin = log.clock().Before();
    const bool live = table_.Check(handle) == Status::kOk;
    log.Add(live ? Op::kHit : Op::kMiss, begin, log.clock().After(),
            static_cast<Word>(handle));
  }

  void Pin(Log& log, std::minstd_rand& random, Handle handle,
           std::vector<Held>& held) {
    if (!handle) return;
    const Stamp begin = log.clock().Before();
    Pinned pin = table_.Pin(handle);
    const Stamp end = log.clock().After();
    const std::uint32_t value = pin ? pin->value() : Event::kNoValue;
    log.Add(pin ? Op::kPin : Op::kPinMiss, begin, end,
            static_cast<Word>(handle), value);
    if (!pin) return;
    held.push_back({std::move(pin), value});
    LetGo(log, held, random() % 4);
  }
  void LetGo(Log& log, std::vector<Held>& held, std::size_t keep) {
    while (held.size() > keep) {
      Unpin(log, held.front());
      held.erase(held.begin());
    }
  }

  void Unpin(Log& log, Held& held) {
    EXPECT_EQ(held.pin->value(), held.value);
    const Word handle = static_cast<Word>(held.pin.handle());
    const Stamp begin = log.clock().Before();
    held.pin.Unpin();
    log.Add(Op::kUnpin, begin, log.clock().After(), handle);
  }

  // Leaves a pin to the next thread that comes, and releases the one that was
  // left here.
  void Pass(Log& log, std::minstd_rand& random, std::vector<Held>& held) {
    std::unique_ptr<Held> given;
    if (!held.empty()) {
      given = std::make_unique<Held>(std::move(held.back()));
      held.pop_back();
    }
    const std::unique_ptr<Held> taken(
        passed_[random() % passed_.size()].exchange(given.release(),
                                                    std::memory_order_acq_rel));
    if (taken) Unpin(log, *taken);
  }

  Table table_{SetupT::kCapacity};
  std::array<std::atomic<Held*>, 2> passed_{};
};

template <typename SetupT>
class ObjectTableLinearizabilityStressTest : public ::testing::Test {
 protected:
  using Layout = typename SetupT::Layout;
  using Checker = LinearizabilityChecker<Layout>;

  static void Run(unsigned threads, Passing passing) {
    ObjectWorkload<SetupT> workload(threads, passing);
    workload.Run();
    std::vector<Event> history = workload.TakeHistory();
    for (Op op :
         {Op::kNew, Op::kHit, Op::kMiss, Op::kDelete, Op::kPin, Op::kPinMiss,
          Op::kUnpin, Op::kDeleteAtOnce, Op::kDestroy, Op::kScope})
      EXPECT_GT(CountOf(history, op), 0u) << int(op);
    EXPECT_GT(CountOf(history, Op::kNew), history.size() / 500);
    EXPECT_TRUE(!SetupT::kIsSmall || CountOf(history, Op::kFull) > 0);
    workload.template ExpectExplained<Layout>(Checker::Kind::kObjects,
                                              SetupT::CapacityWith(threads),
                                              std::move(history));
  }
};
TYPED_TEST_SUITE(ObjectTableLinearizabilityStressTest, Setups);

TYPED_TEST(ObjectTableLinearizabilityStressTest, AThreadForEachCore) {
  this->Run(Cores(), Passing::kSynchronised);
}
TYPED_TEST(ObjectTableLinearizabilityStressTest, MoreThreadsThanCores) {
  this->Run(kOversubscribed, Passing::kSynchronised);
}
TYPED_TEST(ObjectTableLinearizabilityStressTest, WithoutFences) {
  this->Run(Cores(), Passing::kWithoutFences);
}
TYPED_TEST(ObjectTableLinearizabilityStressTest,
           WithoutFencesAndMoreThreadsThanCores) {
  this->Run(kOversubscribed, Passing::kWithoutFences);
}
TYPED_TEST(ObjectTableLinearizabilityStressTest, UnsynchronisedHandles) {
  this->Run(Cores(), Passing::kUnsynchronised);
}
TYPED_TEST(ObjectTableLinearizabilityStressTest,
           UnsynchronisedHandlesAndMoreThreadsThanCores) {
  this->Run(kOversubscribed, Passing::kUnsynchronised);
}

}  // namespace
}  // namespace haft::testing
