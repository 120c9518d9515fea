// A fuzz target for HandleTable: sequences of its operations, with any word as
// a handle, against a map. The first bytes choose the table.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "haft/cds/cds_free_list.h"
#include "haft/global_free_list.h"
#include "haft/handle_table.h"
#include "haft/striped_free_list.h"
#include "tests/fuzz/input.h"
#include "tests/support/inspector.h"

namespace haft::fuzz {
namespace {

// Value number n of a table. Two words, so that a mixture of two values is
// noticed.
struct Words {
  Word number;
  Word complement;
};
// For compact tables, whose values are pointers.
class Object;

template <typename Traits>
class Run {
  static constexpr std::size_t kAlignment = Traits::kCompactAlignment;
  using Value = std::conditional_t<kAlignment == 0, Words, Object*>;
  using Layout = typename Traits::Layout;
  using Table = HandleTable<Value, Traits>;
  static constexpr bool kDropsSlots =
      Traits::kExhaustion == Exhaustion::kDropSlot;
  static constexpr bool kIsExact =
      std::is_same_v<typename Traits::FreeList, StripedFreeList> ||
      std::is_same_v<typename Traits::FreeList, GlobalFreeList> ||
      std::is_same_v<typename Traits::FreeList, CdsFreeList>;

 public:
  Run(Input input, std::size_t capacity)
      : input_(input), capacity_(capacity), table_(capacity) {}

  void Go() {
    while (!input_.empty()) {
      const unsigned op = input_.Byte();
      const AsUncachedCaller uncached(op >= 224);
      Step(op % 16);
    }
    LookAtAll();
    for (const Word word : issued_) Look(word);
  }

 private:
  void Step(unsigned op) {
    switch (op) {
      case 0:
        return Look(Any());
      case 1:
        return NewBatch(input_.Below(40));
      case 2:
        return DeleteBatch(input_.Below(40));
      case 3:
        return LookAtAll();
      case 4:  // a handle that may be dead already
        return Delete(
            issued_.empty() ? 0 : issued_[input_.Byte() % issued_.size()]);
      case 5:
      case 6:
      case 7:
      case 8:
        return Delete(Any());
      default:
        return New();
    }
  }

  Word Any() { return input_.AnyHandle<Layout>(issued_); }

  static Value Make(Word n) {
    if constexpr (kAlignment == 0) {
      return {n, ~n};
    } else {
      return reinterpret_cast<Object*>(n * kAlignment);
    }
  }
  static bool Is(const Value& value, Word n) {
    if constexpr (kAlignment == 0) {
      return value.number == n && value.complement == ~n;
    } else {
      return value == Make(n);
    }
  }
  bool IsRight(const std::optional<Value>& value, Word word) const {
    const auto live = live_.find(word);
    if (live == live_.end()) return !value.has_value();
    return value.has_value() && Is(*value, live->second);
  }

  void New() {
    const Word n = ++values_;
    Made(table_.New(Make(n)), n);
  }
  void NewBatch(std::size_t count) {
    std::vector<Value> values(count);
    const Word first = values_ + 1;
    for (Value& value : values) value = Make(++values_);
    std::vector<Handle> handles(count);
    const std::size_t made =
        table_.NewBatch(values.data(), count, handles.data());
    Expect(made <= count, "NewBatch made more than asked for");
    for (std::size_t i = 0; i < made; ++i) {
      Expect(handles[i] != kNullHandle, "NewBatch made a null handle");
      Made(handles[i], first + i);
    }
    if (made < count) Made(kNullHandle, 0);
  }
  // The table has made `handle` for value number n.
  void Made(Handle handle, Word n) {
    const Word word = static_cast<Word>(handle);
    const std::size_t used = live_.size() + exhausted_;
    if (word == 0) {
      Expect(used >= capacity_, "full below the capacity");
      Expect(used + OutOfReach<typename Traits::FreeList>(table_) ==
                 table_.Stats().high_water,
             "full though a slot is free");
      return;
    }
    Expect(!kIsExact || used < capacity_, "New beyond the capacity");
    Expect(Layout::IsWellFormed(word), "New made a malformed handle");
    Expect(live_.emplace(word, n).second, "New made a live handle");
    const bool is_new = ever_.insert(word).second;
    Expect(is_new || !kDropsSlots, "New made a handle of old again");
    if (is_new) issued_.push_back(word);
    ++created_;
  }

  void Delete(Word word) {
    Expect(IsRight(table_.Delete(Handle(word)), word), "Delete is wrong");
    Deleted(word);
  }
  void DeleteBatch(std::size_t count) {
    std::vector<Handle> handles;
    for (std::size_t i = 0; i < count; ++i) handles.emplace_back(Any());
    std::vector<std::optional<Value>> values(count);
    const std::size_t before = live_.size();
    const std::size_t deleted =
        table_.DeleteBatch(handles.data(), count, values.data());
    for (std::size_t i = 0; i < count; ++i) {
      Expect(IsRight(values[i], static_cast<Word>(handles[i])),
             "DeleteBatch is wrong");
      Deleted(static_cast<Word>(handles[i]));
    }
    Expect(deleted == before - live_.size(), "DeleteBatch counted wrong");
  }
  void Deleted(Word word) {
    if (live_.erase(word) == 0) return;
    ++deleted_;
    exhausted_ += kDropsSlots &&
                  Layout::Generation::Decode(word) == Layout::Generation::kMax;
  }

  void Look(Word word) {
    Expect(IsRight(table_.Value(Handle(word)), word), "Value is wrong");
    const Status status = table_.Check(Handle(word));
    if (word == 0) {
      Expect(status == Status::kNull, "Check of null");
    } else if (!Layout::IsWellFormed(word)) {
      Expect(status == Status::kMalformed, "Check of a malformed word");
    } else if (live_.count(word) != 0) {
      Expect(status == Status::kOk, "Check of a live handle");
    } else if (ever_.count(word) != 0) {
      // After a wrap, a stale handle cannot be told from one that has not been
      // issued yet.
      Expect(status == Status::kStale ||
                 (!kDropsSlots && status == Status::kNeverIssued),
             "Check of a stale handle");
    } else {
      Expect(status == Status::kNeverIssued, "Check of a forged handle");
    }
  }

  void LookAtAll() {
    std::size_t seen = 0;
    table_.ForEach([&](Handle handle, Value value) {
      ++seen;
      Expect(live_.count(static_cast<Word>(handle)) != 0 &&
                 IsRight(value, static_cast<Word>(handle)),
             "ForEach shows what is not live");
    });
    Expect(seen == live_.size(), "ForEach shows not all");
    const TableStats stats = table_.Stats();
    Expect(stats.live == live_.size(), "Stats: live");
    Expect(stats.created == created_, "Stats: created");
    Expect(stats.deleted == deleted_, "Stats: deleted");
    Expect(stats.exhausted_slots == exhausted_, "Stats: exhausted");
    Expect(stats.capacity == capacity_ - std::min(exhausted_, capacity_),
           "Stats: capacity");
    std::unordered_set<Word> free;
    internal::Inspector::ForEachFree(table_, [&](Handle handle) {
      Expect(free.insert(static_cast<Word>(handle)).second,
             "a slot is free twice");
      Expect(live_.count(static_cast<Word>(handle)) == 0, "free and live");
    });
    Expect(free.size() + live_.size() + exhausted_ == stats.high_water,
           "slots lost or doubled");
  }

  Input input_;
  const std::size_t capacity_;
  Table table_;
  std::unordered_map<Word, Word> live_;  // and their values
  std::unordered_set<Word> ever_;
  std::vector<Word> issued_;
  Word values_ = 0;
  std::size_t created_ = 0, deleted_ = 0, exhausted_ = 0;
};

template <typename Base, std::size_t kAlignment>
struct CompactFuzzTraits : Base {
  static constexpr std::size_t kCompactAlignment = kAlignment;
};

template <typename Traits>
void RunWith(Input input) {
  const std::size_t capacity =
      std::min<std::size_t>(1 + input.Byte(), Traits::Layout::kSlots);
  Run<Traits>(input, capacity).Go();
}
template <typename FreeList, typename Layout,
          Exhaustion kExhaustion = Exhaustion::kDropSlot>
void RunOne(Input input) {
  RunWith<FuzzTraits<FreeList, Layout, kExhaustion>>(input);
}
template <std::size_t kAlignment, typename FreeList, typename Layout,
          Exhaustion kExhaustion = Exhaustion::kDropSlot>
void RunCompact(Input input) {
  RunWith<
      CompactFuzzTraits<FuzzTraits<FreeList, Layout, kExhaustion>, kAlignment>>(
      input);
}

constexpr int kTopBit = sizeof(Word) * 8 - 1;
using Tiny = HandleLayout<2, 2>;
using Marked = HandleLayout<3, 3, Word{1} << (kTopBit - 1)>;
// Room for magazines of two handles beside 255.
using Short = HandleLayout<12, 2>;

}  // namespace
}  // namespace haft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace haft;
  using namespace haft::fuzz;
  using Magazines = BasicMagazineFreeList<3>;
  Input input(data, std::min<std::size_t>(size, 2000));
  // In this way earlier inputs of the corpus still mean what they meant.
  const unsigned table = input.Byte();
  switch (table < 238 ? table % 14 : 14 + table % 3) {
    case 0:
      RunOne<MagazineFreeList, DefaultLayout>(input);
      break;
    case 1:
      RunOne<Magazines, DefaultLayout>(input);
      break;
    case 2:
      RunOne<Magazines, Short>(input);
      break;
    case 3:
      RunOne<Magazines, Short, Exhaustion::kWrap>(input);
      break;
    case 4:
      RunOne<MagazineFreeList, Tiny>(input);
      break;
    case 5:
      RunOne<MagazineFreeList, Tiny, Exhaustion::kWrap>(input);
      break;
    case 6:
      RunOne<StripedFreeList, Tiny>(input);
      break;
    case 7:
      RunOne<StripedFreeList, Marked, Exhaustion::kWrap>(input);
      break;
    case 8:
      RunOne<GlobalFreeList, Marked>(input);
      break;
    case 9:
      RunOne<GlobalFreeList, HandleLayout<1, 1>>(input);
      break;
    case 10:
      RunOne<CdsFreeList, Tiny>(input);
      break;
    case 11:
      RunOne<CdsFreeList, HandleLayout<6, 2>, Exhaustion::kWrap>(input);
      break;
    case 12:
      RunOne<StripedFreeList, Layout32<6>>(input);
      break;
    case 13:
      RunOne<GlobalFreeList, HandleLayout<6, kTopBit - 6>>(input);
      break;
    case 14:
      RunCompact<8, MagazineFreeList, CompactLayout<8>>(input);
      break;
    case 15:
      RunCompact<64, GlobalFreeList, Tiny>(input);
      break;
    default:
      RunCompact<16, Magazines, Short, Exhaustion::kWrap>(input);
      break;
  }
  return 0;
}
