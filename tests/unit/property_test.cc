// Property tests: random and exhaustive sequences of operations against a map.
// A failing sequence is shrunk to a few operations before it is shown.
// HAFT_SEED=<n> repeats the sequence that was reported under that seed, and
// tries others after it.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "haft/handle_table.h"
#include "tests/support/inspector.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using testing::ForEachFree;  // a broken table below has one of its own

using testing::CompactTestTraits;
using testing::kSanitized;
using testing::kWordBits;
using testing::SmallLayout;
using testing::TestTraits;
using testing::TinyLayout;
using testing::WideLayout;

enum class Kind {
  kNew,
  kValue,
  kDelete,
  kCheck,
  kNewBatch,
  kDeleteBatch,
  kForEach,
  kStats
};

// The word that an operation is about. Numbers are taken modulo the number of
// handles, so that an operation keeps a meaning when others are removed.
struct Target {
  enum { kLive, kIssued, kFlipped, kNull, kAnyWord } kind = kNull;
  unsigned number = 0;
  unsigned bit = 0;  // kFlipped: this bit of an issued handle
  Word word = 0;     // kAnyWord
};

struct Op {
  Kind kind;
  std::vector<Target> targets;  // one; any number for kDeleteBatch
  std::size_t count = 0;        // kNewBatch
};

struct Sequence {
  std::size_t capacity;
  std::vector<Op> ops;
};

// The reference: what a table has done so far and must do next.
template <typename Traits>
class Model {
  using Layout = typename Traits::Layout;

 public:
  explicit Model(std::size_t capacity) : capacity_(capacity) {}

  const std::unordered_map<Word, std::size_t>& live() const { return live_; }
  const std::vector<Word>& issued() const { return issued_; }

  Word Resolve(const Target& target) const {
    switch (target.kind) {
      case Target::kLive:
        if (in_order_.empty()) return 0;
        return in_order_[target.number % in_order_.size()];
      case Target::kIssued:
        return issued_.empty() ? 0 : issued_[target.number % issued_.size()];
      case Target::kFlipped:
        if (issued_.empty()) return 0;
        return issued_[target.number % issued_.size()] ^
               Word { 1 } << target.bit % kWordBits;
      case Target::kNull:
        return 0;
      case Target::kAnyWord:
        return target.word;
    }
    return 0;
  }

  std::string Name(Word word) const {
    if (word == 0) return "null";
    if (const auto it = names_.find(word); it != names_.end())
      return "h" + std::to_string(it->second);
    for (int bit = 0; bit < kWordBits; ++bit) {
      const auto it = names_.find(word ^ Word{1} << bit);
      if (it != names_.end()) {
        return "h" + std::to_string(it->second) + "^bit" + std::to_string(bit);
      }
    }
    std::ostringstream name;
    name << "0x" << std::hex << word;
    return name.str();
  }

  std::optional<std::size_t> Value(Word word) const {
    const auto it = live_.find(word);
    if (it == live_.end()) return std::nullopt;
    return it->second;
  }

  // After a wrap, a stale handle cannot be told from one that has not been
  // issued yet.
  bool Allows(Word word, Status status) const {
    const Status expected = Expected(word);
    return status == expected ||
           (Traits::kExhaustion == Exhaustion::kWrap &&
            expected == Status::kStale && status == Status::kNeverIssued);
  }
  Status Expected(Word word) const {
    if (word == 0) return Status::kNull;
    if (!Layout::IsWellFormed(word)) return Status::kMalformed;
    if (live_.count(word) != 0) return Status::kOk;
    return names_.count(word) != 0 ? Status::kStale : Status::kNeverIssued;
  }

  // Returns what is wrong with New's answer, or an empty string.
  std::string Issue(Word word, std::size_t value, const TableStats& stats) {
    constexpr bool kMayHoldMore =
        std::is_same_v<typename Traits::FreeList, MagazineFreeList> ||
        std::is_same_v<typename Traits::FreeList, BasicMagazineFreeList<3>>;
    const std::size_t used = live_.size() + exhausted_;
    if (word == 0) {
      if (used < capacity_) return "full below capacity";
      if (used != stats.high_water) return "full though a slot is free";
      return "";
    }
    if (!kMayHoldMore && used >= capacity_) return "beyond the capacity";
    if (!Layout::IsWellFormed(word)) return "malformed";
    if (live_.count(word) != 0) return "live already";
    if (Traits::kExhaustion == Exhaustion::kDropSlot && names_.count(word) != 0)
      return "issued before";
    live_[word] = value;
    names_[word] = issued_.size();
    issued_.push_back(word);
    in_order_.push_back(word);
    ++created_;
    return "";
  }

  void Delete(Word word) {
    if (live_.erase(word) == 0) return;
    in_order_.erase(std::find(in_order_.begin(), in_order_.end(), word));
    ++deleted_;
    exhausted_ += Traits::kExhaustion == Exhaustion::kDropSlot &&
                  Layout::Generation::Decode(word) == Layout::Generation::kMax;
  }

  std::string Compare(const TableStats& stats) const {
    if (stats.live != live_.size()) return "live";
    if (stats.created != created_) return "created";
    if (stats.deleted != deleted_) return "deleted";
    if (stats.exhausted_slots != exhausted_) return "exhausted";
    if (stats.capacity != capacity_ - std::min(exhausted_, capacity_))
      return "capacity";
    if (stats.high_water < live_.size() + exhausted_) return "high_water";
    return "";
  }

 private:
  const std::size_t capacity_;
  std::unordered_map<Word, std::size_t> live_;   // and their values
  std::vector<Word> in_order_;                   // the live ones, oldest first
  std::vector<Word> issued_;                     // all ever issued
  std::unordered_map<Word, std::size_t> names_;  // and their places there
  std::size_t created_ = 0, deleted_ = 0, exhausted_ = 0;
};

std::string Show(const std::optional<std::size_t>& value) {
  return value.has_value() ? std::to_string(*value) : "nothing";
}

// Replays a sequence on a new table. `TableT` is TableOf<std::size_t, Traits>
// or a broken imitation.
template <typename Traits, typename TableT>
class Replay {
 public:
  explicit Replay(const Sequence& sequence, bool look_at_all_each_time = false)
      : table_(sequence.capacity), model_(sequence.capacity) {
    script_ << "table(" << sequence.capacity << ")\n";
    for (const Op& op : sequence.ops) {
      Do(op);
      if (look_at_all_each_time && !failed_) LookAtAll();
      if (failed_) return;
    }
    script_ << "at the end:\n";
    LookAtAll();
  }

  bool failed() const { return failed_; }
  std::string script() const { return script_.str(); }
  std::size_t issued() const { return model_.issued().size(); }

 private:
  void Expect(bool holds, const std::string& why) {
    if (holds || failed_) return;
    failed_ = true;
    script_ << "  WRONG: " << why << "\n";
  }

  void Do(const Op& op) {
    const Word word = op.targets.empty() ? 0 : model_.Resolve(op.targets[0]);
    switch (op.kind) {
      case Kind::kNew:
        return New();
      case Kind::kValue:
        script_ << "Value(" << model_.Name(word) << ")\n";
        return LookUp(word);
      case Kind::kDelete:
        return Delete(word);
      case Kind::kCheck:
        script_ << "Check(" << model_.Name(word) << ")\n";
        return Check(word);
      case Kind::kNewBatch:
        return NewBatch(op.count);
      case Kind::kDeleteBatch:
        return DeleteBatch(op.targets);
      case Kind::kForEach:
        script_ << "ForEach\n";
        return ForEach();
      case Kind::kStats:
        script_ << "Stats\n";
        return Stats();
    }
  }

  void Issued(Handle handle, std::size_t value) {
    const std::string wrong =
        model_.Issue(static_cast<Word>(handle), value, table_.Stats());
    Expect(wrong.empty(),
           "New is " + model_.Name(static_cast<Word>(handle)) + ": " + wrong);
  }
  void New() {
    const std::size_t value = next_value_++;
    script_ << "h" << issued() << " = New(" << value << ")\n";
    Issued(table_.New(value), value);
  }
  void NewBatch(std::size_t count) {
    script_ << "h" << issued() << "... = NewBatch of " << count << "\n";
    std::vector<std::size_t> values(count);
    for (std::size_t& value : values) value = next_value_++;
    std::vector<Handle> handles(count);
    const std::size_t made =
        table_.NewBatch(values.data(), count, handles.data());
    Expect(made <= count, "made more than asked for");
    for (std::size_t i = 0; i < made && !failed_; ++i) {
      Expect(handles[i] != kNullHandle, "made a null handle");
      Issued(handles[i], values[i]);
    }
    if (made < count && !failed_) Issued(kNullHandle, 0);
  }

  void LookUp(Word word) {
    const std::optional<std::size_t> value = table_.Value(Handle(word));
    Expect(value == model_.Value(word), "Value(" + model_.Name(word) + ") is " +
                                            Show(value) + ", expected " +
                                            Show(model_.Value(word)));
  }
  void Check(Word word) {
    const Status status = table_.Check(Handle(word));
    Expect(model_.Allows(word, status), "Check(" + model_.Name(word) + ") is " +
                                            StatusName(status) + ", expected " +
                                            StatusName(model_.Expected(word)));
  }

  void Deleted(Word word, const std::optional<std::size_t>& value) {
    Expect(value == model_.Value(word),
           "Delete(" + model_.Name(word) + ") is " + Show(value) +
               ", expected " + Show(model_.Value(word)));
    model_.Delete(word);
  }
  void Delete(Word word) {
    script_ << "Delete(" << model_.Name(word) << ")\n";
    Deleted(word, table_.Delete(Handle(word)));
  }
  void DeleteBatch(const std::vector<Target>& targets) {
    script_ << "DeleteBatch(";
    std::vector<Handle> handles;
    for (const Target& target : targets) {
      handles.emplace_back(model_.Resolve(target));
      script_ << (handles.size() > 1 ? ", " : "")
              << model_.Name(static_cast<Word>(handles.back()));
    }
    script_ << ")\n";
    std::vector<std::optional<std::size_t>> values(handles.size(), 99);
    const std::size_t live = model_.live().size();
    const std::size_t deleted =
        table_.DeleteBatch(handles.data(), handles.size(), values.data());
    for (std::size_t i = 0; i < handles.size(); ++i)
      Deleted(static_cast<Word>(handles[i]), values[i]);
    Expect(deleted == live - model_.live().size(), "counted wrong");
  }

  void ForEach() {
    std::unordered_map<Word, std::size_t> seen;
    bool twice = false;
    table_.ForEach([&](Handle handle, std::size_t value) {
      twice |= !seen.emplace(static_cast<Word>(handle), value).second;
    });
    Expect(!twice, "ForEach shows a handle twice");
    Expect(seen == model_.live(), "ForEach does not show what is live");
  }
  void Stats() {
    const std::string wrong = model_.Compare(table_.Stats());
    Expect(wrong.empty(), "Stats: " + wrong);
  }

  // Checks everything that can be observed without a change.
  void LookAtAll() {
    for (const Word word : model_.issued()) {
      LookUp(word);
      Check(word);
    }
    ForEach();
    Stats();
    std::unordered_set<Word> free;
    bool twice = false;
    ForEachFree(table_, [&](Handle handle) {
      twice |= !free.insert(static_cast<Word>(handle)).second;
    });
    const TableStats stats = table_.Stats();
    Expect(!twice, "a slot is free twice");
    Expect(stats.live + stats.exhausted_slots + free.size() == stats.high_water,
           "a slot is lost");
  }

  TableT table_;
  Model<Traits> model_;
  std::size_t next_value_ = 100;
  bool failed_ = false;
  std::ostringstream script_;
};

template <typename Random>
Target RandomTarget(Random& random) {
  Target target;
  target.number = static_cast<unsigned>(random());
  target.bit = static_cast<unsigned>(random()) % 64;
  const unsigned dice = random() % 100;
  target.kind = dice < 50   ? Target::kLive
                : dice < 80 ? Target::kIssued
                : dice < 92 ? Target::kFlipped
                : dice < 94 ? Target::kNull
                            : Target::kAnyWord;
  target.word = static_cast<Word>(random());
  if (random() % 2 == 0) target.word %= 256;  // the words of tiny layouts
  return target;
}

template <typename Random>
Op RandomOp(Random& random, std::size_t max_batch) {
  const unsigned dice = random() % 100;
  if (dice < 30) return {Kind::kNew, {}, 0};
  if (dice < 50) return {Kind::kValue, {RandomTarget(random)}, 0};
  if (dice < 75) return {Kind::kDelete, {RandomTarget(random)}, 0};
  if (dice < 87) return {Kind::kCheck, {RandomTarget(random)}, 0};
  if (dice < 92) {
    return {Kind::kNewBatch,
            {},
            static_cast<std::size_t>(random() % (max_batch + 1))};
  }
  if (dice < 97) {
    Op op{Kind::kDeleteBatch, {}, 0};
    for (std::size_t n = random() % (max_batch + 1); n > 0; --n)
      op.targets.push_back(RandomTarget(random));
    return op;
  }
  return {dice < 98 ? Kind::kForEach : Kind::kStats, {}, 0};
}

// Returns one of the shortest failing sequences among those that result from
// `sequence` by leaving parts out.
template <typename Fails>
Sequence Shrink(Sequence sequence, Fails fails) {
  const auto try_instead = [&](Sequence smaller) {
    if (!fails(smaller)) return false;
    sequence = std::move(smaller);
    return true;
  };
  std::vector<Op>& ops = sequence.ops;
  bool shrunk = true;
  while (shrunk) {
    shrunk = false;
    for (std::size_t n = ops.size(); n > 0; n /= 2) {
      for (std::size_t at = 0; at + n <= ops.size();) {
        Sequence smaller = sequence;
        smaller.ops.erase(
            smaller.ops.begin() + static_cast<std::ptrdiff_t>(at),
            smaller.ops.begin() + static_cast<std::ptrdiff_t>(at + n));
        if (try_instead(std::move(smaller))) {
          shrunk = true;
        } else {
          at += n;
        }
      }
    }
    for (std::size_t i = 0; i < ops.size(); ++i) {
      while (ops[i].count > 0) {
        Sequence smaller = sequence;
        smaller.ops[i].count /= 2;
        if (!try_instead(smaller)) {
          smaller.ops[i].count = ops[i].count - 1;
          if (!try_instead(std::move(smaller))) break;
        }
        shrunk = true;
      }
      for (std::size_t t = 0;
           ops[i].targets.size() > 1 && t < ops[i].targets.size();) {
        Sequence smaller = sequence;
        auto& targets = smaller.ops[i].targets;
        targets.erase(targets.begin() + static_cast<std::ptrdiff_t>(t));
        if (try_instead(std::move(smaller))) {
          shrunk = true;
        } else {
          ++t;
        }
      }
      for (const auto& [batch, single] :
           {std::pair(Kind::kNewBatch, Kind::kNew),
            std::pair(Kind::kDeleteBatch, Kind::kDelete)}) {
        if (ops[i].kind != batch || ops[i].targets.size() > 1) continue;
        Sequence smaller = sequence;
        smaller.ops[i].kind = single;
        smaller.ops[i].count = 0;
        shrunk |= try_instead(std::move(smaller));
      }
    }
  }
  return sequence;
}

std::uint64_t Seed() {
  const char* const seed = std::getenv("HAFT_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 0) : 20240607;
}

struct CounterExample {
  std::uint64_t seed;
  std::size_t ops;
  std::string script;
};

// Tries `count` random sequences. Returns a failing one, shrunk.
template <typename Traits, typename TableT>
std::optional<CounterExample> Search(int count, std::size_t length,
                                     std::size_t max_batch = 8) {
  for (int i = 0; i < count; ++i) {
    const std::uint64_t seed = Seed() + static_cast<unsigned>(i);
    std::mt19937_64 random(seed);
    Sequence sequence;
    constexpr std::size_t kCapacities[] = {0, 1, 2, 3, 4, 30, 1000};
    sequence.capacity =
        std::min(kCapacities[random() % 7], TableT::kMaxCapacity);
    while (sequence.ops.size() < length)
      sequence.ops.push_back(RandomOp(random, max_batch));
    const auto fails = [](const Sequence& s) {
      return Replay<Traits, TableT>(s).failed();
    };
    if (!fails(sequence)) continue;
    const Sequence shrunk = Shrink(sequence, fails);
    return CounterExample{seed, shrunk.ops.size(),
                          Replay<Traits, TableT>(shrunk).script()};
  }
  return std::nullopt;
}

// 2,048 slots, of which 1,536 are for magazines of one handle.
using MagazineLayout = HandleLayout<11, 2>;

template <typename Traits>
class PropertyTest : public ::testing::Test {};
using PropertyTraits = ::testing::Types<
    TestTraits<MagazineFreeList>, TestTraits<BasicMagazineFreeList<3>>,
    TestTraits<StripedFreeList>, TestTraits<GlobalFreeList>,
    TestTraits<CdsFreeList>, TestTraits<MagazineFreeList, Layout32<>>,
    TestTraits<StripedFreeList, WideLayout>,
    TestTraits<MagazineFreeList, SmallLayout>,
    TestTraits<MagazineFreeList, MagazineLayout>,
    TestTraits<MagazineFreeList, MagazineLayout, Exhaustion::kWrap>,
    TestTraits<MagazineFreeList, TinyLayout>,
    TestTraits<StripedFreeList, TinyLayout>,
    TestTraits<GlobalFreeList, TinyLayout>, TestTraits<CdsFreeList, TinyLayout>,
    TestTraits<MagazineFreeList, TinyLayout, Exhaustion::kWrap>,
    TestTraits<GlobalFreeList, TinyLayout, Exhaustion::kWrap>,
    TestTraits<GlobalFreeList, HandleLayout<1, 1>>,
    TestTraits<StripedFreeList, HandleLayout<3, 3, Word{5} << (kWordBits - 4)>>,
    CompactTestTraits<MagazineFreeList>,
    CompactTestTraits<MagazineFreeList, MagazineLayout, Exhaustion::kWrap>,
    CompactTestTraits<GlobalFreeList, TinyLayout>>;
TYPED_TEST_SUITE(PropertyTest, PropertyTraits);

template <typename Traits>
void ExpectNoCounterExample(int count, std::size_t length,
                            std::size_t max_batch) {
  const auto found = Search<Traits, testing::TableOf<std::size_t, Traits>>(
      count, length, max_batch);
  if (found.has_value()) {
    ADD_FAILURE() << "HAFT_SEED=" << found->seed << "\n" << found->script;
  }
}

TYPED_TEST(PropertyTest, ShortSequencesAgreeWithAMap) {
  ExpectNoCounterExample<TypeParam>(kSanitized ? 50 : 300, 30, 4);
}

TYPED_TEST(PropertyTest, LongSequencesAgreeWithAMap) {
  ExpectNoCounterExample<TypeParam>(kSanitized ? 10 : 40, 400, 40);
}

TYPED_TEST(PropertyTest, SequencesThatFillTheTableAgreeWithAMap) {
  ExpectNoCounterExample<TypeParam>(kSanitized ? 3 : 10, 100, 1000);
}

// Tests of the checker: tables that are broken on purpose, and the number of
// operations that show it.
using BrokenTraits = TestTraits<GlobalFreeList>;
using Base = HandleTable<std::size_t, BrokenTraits>;

template <typename TableT>
void ExpectCounterExampleOf(std::size_t max_ops) {
  const auto found = Search<BrokenTraits, TableT>(1000, 100);
  ASSERT_TRUE(found.has_value()) << "a broken table passes";
  EXPECT_LE(found->ops, max_ops) << found->script;
  ::testing::Test::RecordProperty("counter_example", found->script);
}

class ForgetsADeletion : public Base {
 public:
  using Base::Base;
  std::optional<std::size_t> Delete(Handle handle) {
    return ++deletions_ == 3 ? Value(handle) : Base::Delete(handle);
  }

 private:
  int deletions_ = 0;
};
TEST(BrokenTableTest, ForgottenDeletionIsFound) {
  ExpectCounterExampleOf<ForgetsADeletion>(4);
}

class ReturnsAStaleValue : public Base {
 public:
  using Base::Base;
  std::optional<std::size_t> Delete(Handle handle) {
    const auto value = Base::Delete(handle);
    if (value.has_value()) stale_ = {handle, *value};
    return value;
  }
  std::optional<std::size_t> Value(Handle handle) const {
    if (handle == stale_.first && handle != kNullHandle) return stale_.second;
    return Base::Value(handle);
  }

 private:
  std::pair<Handle, std::size_t> stale_;
};
TEST(BrokenTableTest, StaleValueIsFound) {
  ExpectCounterExampleOf<ReturnsAStaleValue>(2);
}

class IssuesAHandleTwice : public Base {
 public:
  using Base::Base;
  Handle New(std::size_t value) {
    if (++calls_ != 4) last_ = Base::New(value);
    return last_;
  }

 private:
  int calls_ = 0;
  Handle last_;
};
TEST(BrokenTableTest, HandleIssuedTwiceIsFound) {
  ExpectCounterExampleOf<IssuesAHandleTwice>(5);
}

class IssuesADeadHandle : public Base {
 public:
  using Base::Base;
  Handle New(std::size_t value) {
    const Handle handle = Base::New(value);
    const bool again = dead_ != kNullHandle;
    return again ? std::exchange(dead_, kNullHandle) : handle;
  }
  std::optional<std::size_t> Delete(Handle handle) {
    const auto value = Base::Delete(handle);
    if (value.has_value()) dead_ = handle;
    return value;
  }

 private:
  Handle dead_;
};
TEST(BrokenTableTest, DeadHandleIssuedAgainIsFound) {
  ExpectCounterExampleOf<IssuesADeadHandle>(3);
}

class IgnoresAHighBit : public Base {
 public:
  using Base::Base;
  std::optional<std::size_t> Value(Handle handle) const {
    constexpr Word kBit = Word{1} << (kWordBits - 1);
    return Base::Value(Handle(static_cast<Word>(handle) & ~kBit));
  }
};
TEST(BrokenTableTest, StrayBitLetThroughIsFound) {
  ExpectCounterExampleOf<IgnoresAHighBit>(2);
}

class ConfusesStaleWithNeverIssued : public Base {
 public:
  using Base::Base;
  Status Check(Handle handle) const {
    const Status status = Base::Check(handle);
    return status == Status::kNeverIssued ? Status::kStale : status;
  }
};
TEST(BrokenTableTest, WrongStatusIsFound) {
  ExpectCounterExampleOf<ConfusesStaleWithNeverIssued>(2);
}

class CountsDuplicates : public Base {
 public:
  using Base::Base;
  std::size_t DeleteBatch(const Handle* handles, std::size_t count,
                          std::optional<std::size_t>* values) {
    std::size_t live = 0;
    for (std::size_t i = 0; i < count; ++i)
      live += Check(handles[i]) == Status::kOk;
    Base::DeleteBatch(handles, count, values);
    return live;
  }
};
TEST(BrokenTableTest, DuplicateCountedTwiceIsFound) {
  ExpectCounterExampleOf<CountsDuplicates>(2);
}

class SkipsTheLast : public Base {
 public:
  using Base::Base;
  template <typename F>
  void ForEach(F f) const {
    std::size_t left = Stats().live;
    Base::ForEach([&](Handle handle, std::size_t value) {
      if (--left != 0 || Stats().live < 3) f(handle, value);
    });
  }
};
TEST(BrokenTableTest, SkippedHandleIsFound) {
  ExpectCounterExampleOf<SkipsTheLast>(3);
}

class MiscountsItsHandles : public Base {
 public:
  using Base::Base;
  TableStats Stats() const {
    TableStats stats = Base::Stats();
    if (stats.deleted >= 2) ++stats.live;
    return stats;
  }
};
TEST(BrokenTableTest, WrongFigureIsFound) {
  ExpectCounterExampleOf<MiscountsItsHandles>(4);
}

class HidesAFreeSlot : public Base {
 public:
  using Base::Base;
  template <typename F>
  friend void ForEachFree(const HidesAFreeSlot& table, F&& f) {
    bool first = true;
    internal::Inspector::ForEachFree(table, [&](Handle handle) {
      if (!std::exchange(first, false)) f(handle);
    });
  }
};
TEST(BrokenTableTest, LostSlotIsFound) {
  ExpectCounterExampleOf<HidesAFreeSlot>(2);
}

class IsFullTooEarly : public Base {
 public:
  using Base::Base;
  Handle New(std::size_t value) {
    const TableStats stats = Stats();
    return stats.live + 1 == stats.capacity ? kNullHandle : Base::New(value);
  }
};
TEST(BrokenTableTest, FullBelowCapacityIsFound) {
  ExpectCounterExampleOf<IsFullTooEarly>(4);
}

// Every sequence of New, Value and Delete on two slots. The whole table is
// checked after each operation.
template <typename Traits>
class ExhaustiveTest : public ::testing::Test {
 protected:
  // Runs all sequences that start with `sequence` and are up to `depth` long.
  void Explore(Sequence& sequence, std::size_t depth) {
    const Replay<Traits, testing::TableOf<std::size_t, Traits>> run(sequence,
                                                                    true);
    ++sequences_;
    ASSERT_FALSE(run.failed()) << run.script();
    if (sequence.ops.size() == depth) return;
    const auto go_on = [&](Kind kind, unsigned number) {
      Target target;
      target.kind = Target::kIssued;
      target.number = number;
      sequence.ops.push_back({kind, {target}, 0});
      Explore(sequence, depth);
      sequence.ops.pop_back();
    };
    go_on(Kind::kNew, 0);
    for (unsigned i = 0; i < run.issued() && !this->HasFatalFailure(); ++i) {
      go_on(Kind::kDelete, i);
      go_on(Kind::kValue, i);
    }
  }

  std::size_t sequences_ = 0;
};
using TwoSlots = HandleLayout<1, 2>;
using TwoSlotTraits =
    ::testing::Types<TestTraits<MagazineFreeList, TwoSlots>,
                     TestTraits<StripedFreeList, TwoSlots>,
                     TestTraits<GlobalFreeList, TwoSlots>,
                     TestTraits<CdsFreeList, TwoSlots>,
                     TestTraits<MagazineFreeList, TwoSlots, Exhaustion::kWrap>,
                     CompactTestTraits<GlobalFreeList, TwoSlots>>;
TYPED_TEST_SUITE(ExhaustiveTest, TwoSlotTraits);

TYPED_TEST(ExhaustiveTest, AllSequencesOnTwoSlotsAgreeWithAMap) {
  for (const std::size_t capacity : {1, 2}) {
    Sequence sequence{capacity, {}};
    this->Explore(sequence, capacity == 1 || kSanitized ? 6 : 7);
  }
  this->RecordProperty("sequences", static_cast<int>(this->sequences_));
}

// Without Value, which changes nothing, the sequences are longer and reach the
// end of both slots' generations.
TYPED_TEST(ExhaustiveTest, SlotsLiveThroughAllTheirGenerations) {
  constexpr int kLength = kSanitized ? 10 : 12;
  for (unsigned choices = 0; choices < 1u << kLength; ++choices) {
    Sequence sequence{2, {}};
    for (int i = 0; i < kLength; ++i) {
      Target target;
      target.kind = Target::kLive;
      target.number = choices >> (i + 1) & 1;
      const Kind kind = choices >> i & 1 ? Kind::kDelete : Kind::kNew;
      sequence.ops.push_back({kind, {target}, 0});
    }
    const Replay<TypeParam, testing::TableOf<std::size_t, TypeParam>> run(
        sequence);
    ASSERT_FALSE(run.failed()) << run.script();
  }
}

}  // namespace
}  // namespace haft
