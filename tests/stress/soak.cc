// A soak test, which can run for hours: ./bazelw run -c opt //tests/stress:soak
// -- --forged=60 --mixed=600
//
//   --forged=SECONDS  forged handles, spread over tables of several layouts:
//                     none may be accepted
//   --mixed=SECONDS   threads that come and go and use tables of each kind;
//                     whenever all have ended, everything must add up, and
//                     memory must not grow once it has warmed up
//
// Without options, each part runs for two seconds. Prints counts of the work
// done.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "haft/global_free_list.h"
#include "haft/handle_table.h"
#include "haft/object_table.h"
#include "haft/striped_free_list.h"
#include "tests/support/inspector.h"
#include "tests/support/testing.h"

namespace haft {
namespace {

using testing::ExpectConservation;
using testing::kSanitized;
using testing::RunThreads;
using testing::SmallLayout;
using testing::TestTraits;
using testing::TinyLayout;
using testing::WideLayout;

using Clock = std::chrono::steady_clock;
int forged_seconds = 2;
int mixed_seconds = 2;

class Random {  // SplitMix64
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = (state_ ^ state_ >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  std::size_t Below(std::size_t n) {
    return static_cast<std::size_t>((*this)() % n);
  }

 private:
  std::uint64_t state_;
};

std::uint64_t RandomSeed() { return internal::sync::RandomWord(); }

// ---------------------------------------------------------------------------
// Forged handles

// The live handle of each slot, or 0, by index.
using Reference = std::vector<Word>;

// A table of which half of the slots are live, and words that it has not
// issued.
template <typename Traits>
class ForgedWords {
 public:
  using Layout = typename Traits::Layout;

  explicit ForgedWords(std::size_t capacity) : table_(capacity) {
    std::vector<Handle> handles;
    for (std::size_t i = 0; i < capacity; ++i) handles.push_back(table_.New(i));
    for (std::size_t i = 0; i < capacity; i += 2) table_.MustDelete(handles[i]);
    table_.ForEach([&](Handle handle, Word) {
      const Word word = static_cast<Word>(handle);
      const Word index = Layout::Index::Decode(word);
      if (index >= live_.size()) live_.resize(index + 1);
      live_[index] = word;
      words_.push_back(word);
    });
  }

  // Tries `count` words of each of four kinds. Returns how many were refused.
  std::uint64_t Try(std::uint64_t count, std::uint64_t seed) const {
    Random random(seed);
    std::uint64_t refused = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t dice = random();
      const Word word = static_cast<Word>(dice);
      const Word live = words_[(dice >> 20) % words_.size()];
      refused += Refuses(word);
      refused += Refuses((word & Layout::kVariable) | Layout::kFixed);
      // The right index with another generation, and the right generation with
      // another index.
      refused += Refuses(live ^ (word & Layout::Generation::kMask));
      refused += Refuses(live ^ (word & (Layout::Index::kMask | 1)));
    }
    return refused;
  }

  std::size_t live() const { return words_.size(); }
  std::uint64_t accepted() const { return accepted_; }
  void ExpectUnharmed() const {
    EXPECT_EQ(table_.Stats().live, words_.size());
    ExpectConservation(table_);
  }

 private:
  // Returns false for a live handle, which some words are by chance.
  bool Refuses(Word word) const {
    if (__builtin_expect(!table_.Value(Handle(word)).has_value(), 1))
      return true;
    const Word index = Layout::Index::Decode(word);
    if (index >= live_.size() || live_[index] != word) {
      if (accepted_++ == 0) ADD_FAILURE() << "accepted " << std::hex << word;
    }
    return false;
  }

  HandleTable<Word, Traits> table_;
  Reference live_;
  std::vector<Word> words_;
  mutable std::atomic<std::uint64_t> accepted_{0};
};

template <typename Traits>
void TryForgedWords(const char* name, std::size_t capacity, int shares) {
  const ForgedWords<Traits> forged(capacity);
  constexpr std::uint64_t kAtOnce = kSanitized ? 20'000 : 500'000;
  const auto end =
      Clock::now() + std::chrono::milliseconds(forged_seconds * 1000 / shares);
  std::atomic<std::uint64_t> tried{0}, refused{0};
  RunThreads(2, [&](unsigned) {
    do {
      refused += forged.Try(kAtOnce, RandomSeed());
      tried += 4 * kAtOnce;
    } while (Clock::now() < end && !::testing::Test::HasFailure());
  });
  forged.ExpectUnharmed();
  std::printf("%-8s %8zu live  %15" PRIu64 " words  %12" PRIu64
              " were live handles, %" PRIu64 " others accepted\n",
              name, forged.live(), tried.load(),
              tried - refused - forged.accepted(), forged.accepted());
  ::testing::Test::RecordProperty(name, std::to_string(tried));
  EXPECT_GT(refused, 0u);
}

TEST(SoakTest, NoForgedHandleIsAccepted) {
  TryForgedWords<TestTraits<MagazineFreeList>>("default", 20'000, 5);
  TryForgedWords<TestTraits<StripedFreeList, WideLayout>>("wide", 16'000, 5);
  TryForgedWords<TestTraits<MagazineFreeList, Layout32<>>>("32 bits", 30'000,
                                                           5);
  TryForgedWords<TestTraits<MagazineFreeList, SmallLayout>>("small", 2'000, 5);
  TryForgedWords<TestTraits<GlobalFreeList, TinyLayout>>("tiny", 4, 5);
}

// ---------------------------------------------------------------------------
// Mixed load

constexpr unsigned kThreads = 4;
constexpr std::size_t kOwn = 200;   // handles that a thread keeps at most
constexpr std::size_t kBoxes = 64;  // handles on their way between threads

std::size_t ResidentKiB() {
  std::size_t pages = 0, resident = 0;
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  EXPECT_NE(file, nullptr);
  EXPECT_EQ(std::fscanf(file, "%zu %zu", &pages, &resident), 2);
  std::fclose(file);
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 1024;
}

// The handles that threads keep, and those on their way to another thread.
struct Hands {
  std::vector<Handle> own[kThreads];
  std::atomic<Handle> boxes[kBoxes];

  Hands() {
    for (auto& handles : own) handles.reserve(kOwn);
    for (auto& box : boxes) box = kNullHandle;
  }
  // Swaps a random one of `t`'s with whatever is in a random box.
  void Exchange(unsigned t, Random& random) {
    if (own[t].empty()) return;
    Handle& mine = own[t][random.Below(own[t].size())];
    const Handle other =
        boxes[random.Below(kBoxes)].exchange(mine, std::memory_order_acq_rel);
    if (other != kNullHandle) {
      mine = other;
    } else {
      mine = own[t].back();
      own[t].pop_back();
    }
  }
  std::optional<Handle> TakeAny(unsigned t, Random& random) {
    if (own[t].empty()) return std::nullopt;
    std::swap(own[t][random.Below(own[t].size())], own[t].back());
    const Handle handle = own[t].back();
    own[t].pop_back();
    return handle;
  }
  std::size_t count() const {
    std::size_t count = 0;
    for (const auto& handles : own) count += handles.size();
    for (const auto& box : boxes) count += box != kNullHandle;
    return count;
  }
};

constexpr std::size_t kCapacity = kThreads * kOwn + kBoxes;

template <typename Traits>
class WordLoad {
 public:
  void Step(unsigned t, Random& random) {
    std::vector<Handle>& own = hands_.own[t];
    switch (random.Below(8)) {
      case 0:
        return hands_.Exchange(t, random);
      case 1:
      case 2:
      case 3: {
        if (own.size() == kOwn) return;
        const Word word = static_cast<Word>(random());
        const Handle handle = table_.New({word, ~word});
        ASSERT_NE(handle, kNullHandle) << "full below the capacity";
        return own.push_back(handle);
      }
      case 4:
      case 5: {
        const std::optional<Handle> handle = hands_.TakeAny(t, random);
        if (!handle.has_value()) return;
        const std::optional<Pair> pair = table_.Delete(*handle);
        ASSERT_TRUE(pair.has_value() && pair->word == ~pair->complement);
        ASSERT_FALSE(table_.Delete(*handle).has_value());
        ASSERT_FALSE(table_.Value(*handle).has_value());
        return;
      }
      default: {
        if (own.empty()) return;
        const auto pair = table_.Value(own[random.Below(own.size())]);
        ASSERT_TRUE(pair.has_value() && pair->word == ~pair->complement);
      }
    }
  }
  void AtRest() {
    ExpectConservation(table_);
    EXPECT_EQ(table_.Stats().live, hands_.count());
    table_.ForEach([](Handle, const Pair& pair) {
      ASSERT_EQ(pair.word, ~pair.complement);
    });
  }

 private:
  struct Pair {
    Word word;
    Word complement;
  };
  HandleTable<Pair, Traits> table_{kCapacity};
  Hands hands_;
};

std::atomic<std::int64_t> objects{0};
class Object {
 public:
  explicit Object(Word word) : word_(word), complement_(~word) { ++objects; }
  Object(Object&& other) noexcept : Object(other.word_) {}
  ~Object() {
    EXPECT_TRUE(IsWhole());
    complement_ = word_;
    --objects;
  }
  bool IsWhole() const { return complement_ == ~word_; }

 private:
  Word word_, complement_;
};

// With read scopes, objects that other threads delete meanwhile also take room.
template <typename Traits, bool kScopes>
class ObjectLoad {
  using Table = ObjectTable<Object, Traits>;
  static constexpr std::size_t kPins = 4;

 public:
  ObjectLoad() {
    for (auto& pins : pins_) pins.reserve(kPins);
  }

  void Step(unsigned t, Random& random) {
    std::vector<Handle>& own = hands_.own[t];
    auto& pins = pins_[t];
    switch (random.Below(10)) {
      case 0:
        return hands_.Exchange(t, random);
      case 1:
      case 2:
      case 3: {
        if (own.size() == kOwn) return;
        const Handle handle = table_.Emplace(static_cast<Word>(random()));
        if (handle != kNullHandle) return own.push_back(handle);
        ASSERT_TRUE(kScopes) << "full below the capacity";
        return;
      }
      case 4: {
        const std::optional<Handle> handle = hands_.TakeAny(t, random);
        if (!handle.has_value()) return;
        ASSERT_EQ(table_.Delete(*handle), Status::kOk);
        ASSERT_EQ(table_.Delete(*handle), Status::kStale);
        return;
      }
      case 5: {
        const std::optional<Handle> handle = hands_.TakeAny(t, random);
        if (!handle.has_value()) return;
        Status why;
        const std::optional<Object> taken = table_.Take(*handle, &why);
        ASSERT_EQ(taken.has_value(), why == Status::kOk);
        if (taken.has_value()) {
          ASSERT_TRUE(taken->IsWhole());
        } else {
          ASSERT_TRUE(why == Status::kPinned || why == Status::kScoped);
          ASSERT_EQ(table_.Delete(*handle), Status::kOk);
        }
        return;
      }
      case 6: {
        if (!kScopes) return;
        const typename Table::ReadScope scope(table_);
        for (const Handle handle : own) {
          const Object* const object = scope.Find(handle);
          ASSERT_TRUE(object != nullptr && object->IsWhole());
        }
        return;
      }
      default: {
        // Some pins are kept, even after this thread's end. Another thread of
        // the same number releases them.
        if (pins.size() == kPins) {
          ASSERT_TRUE(pins.back()->IsWhole());
          return pins.pop_back();
        }
        if (own.empty()) return;
        auto pin = table_.Pin(own[random.Below(own.size())]);
        ASSERT_TRUE(pin && pin->IsWhole());
        if (random.Below(4) == 0) pins.push_back(std::move(pin));
      }
    }
  }
  void AtRest() {
    const ObjectTableStats stats = table_.Stats();
    EXPECT_EQ(stats.live, hands_.count());
    EXPECT_LE(stats.retired_objects, kThreads * kPins);
    std::size_t live = 0, free = 0;
    table_.ForEach([&](Handle, const Object& object) {
      ++live;
      ASSERT_TRUE(object.IsWhole());
    });
    internal::Inspector::ForEachFree(table_, [&](Handle) { ++free; });
    EXPECT_EQ(live, stats.live);
    EXPECT_EQ(live + stats.retired_objects + free + stats.exhausted_slots,
              stats.high_water);
    existing_ = stats.live + stats.retired_objects;
  }
  std::size_t existing() const { return existing_; }

 private:
  Table table_{kCapacity + kThreads * kPins};
  Hands hands_;
  std::vector<typename Table::Pinned> pins_[kThreads];
  std::size_t existing_ = 0;
};

TEST(SoakTest, MixedLoadAddsUpAndMemoryIsBounded) {
  constexpr unsigned kSteps = kSanitized ? 500 : 20'000;
  WordLoad<TestTraits<MagazineFreeList>> magazines;
  WordLoad<TestTraits<BasicMagazineFreeList<3>, SmallLayout, Exhaustion::kWrap>>
      small;
  WordLoad<TestTraits<StripedFreeList, WideLayout, Exhaustion::kWrap>> striped;
  WordLoad<TestTraits<GlobalFreeList>> global;
  ObjectLoad<TestTraits<MagazineFreeList>, true> objects_a;
  ObjectLoad<TestTraits<GlobalFreeList, WideLayout, Exhaustion::kWrap>, false>
      objects_b;

  const auto start = Clock::now();
  const auto run_for = std::chrono::seconds(mixed_seconds);
  std::uint64_t rounds = 0, warm_rounds = 0;
  std::size_t warm = 0, most = 0;
  do {
    RunThreads(kThreads, [&](unsigned t) {
      Random random(RandomSeed());
      for (unsigned i = 0; i < kSteps; ++i) {
        magazines.Step(t, random);
        small.Step(t, random);
        striped.Step(t, random);
        global.Step(t, random);
        objects_a.Step(t, random);
        objects_b.Step(t, random);
      }
    });
    magazines.AtRest();
    small.AtRest();
    striped.AtRest();
    global.AtRest();
    objects_a.AtRest();
    objects_b.AtRest();
    EXPECT_EQ(objects, static_cast<std::int64_t>(objects_a.existing() +
                                                 objects_b.existing()));
    ++rounds;
    const std::size_t resident = ResidentKiB();
    const bool warming = Clock::now() - start < run_for / 4 || rounds < 5;
    if (warming) warm_rounds = rounds;
    std::size_t& highest = warming ? warm : most;
    highest = std::max(highest, resident);
  } while ((Clock::now() - start < run_for || rounds < warm_rounds + 5) &&
           !HasFailure());

  std::printf("%" PRIu64 " rounds of %u threads, %" PRIu64
              " steps; resident %zu KiB at most in the first %" PRIu64
              " rounds, %zu KiB afterwards\n",
              rounds, kThreads, rounds * kThreads * kSteps * 6, warm,
              warm_rounds, most);
  if (!kSanitized) {  // because sanitizers keep freed memory
    EXPECT_LE(most, warm + 2048) << "memory grows";
  }
}

}  // namespace
}  // namespace haft

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    const auto is = [&](const char* flag) {
      return std::strncmp(argv[i], flag, std::strlen(flag)) == 0;
    };
    const char* const value = std::strchr(argv[i], '=');
    if (value != nullptr && is("--forged=")) {
      haft::forged_seconds = std::atoi(value + 1);
    } else if (value != nullptr && is("--mixed=")) {
      haft::mixed_seconds = std::atoi(value + 1);
    } else {
      std::fprintf(stderr, "soak: --forged=SECONDS --mixed=SECONDS\n");
      return 2;
    }
  }
  return RUN_ALL_TESTS();
}
