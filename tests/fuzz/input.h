// Parts that the fuzz targets share: the traits of tables, the reading of an
// input, and the report of an error.

#ifndef TESTS_FUZZ_INPUT_H_
#define TESTS_FUZZ_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "haft/handle.h"
#include "haft/internal/base/sync.h"
#include "haft/traits.h"
#include "tests/support/inspector.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace haft::fuzz {

template <typename FreeListT, typename LayoutT, Exhaustion kExhaustionV>
struct FuzzTraits : DefaultTraits {
  using Layout = LayoutT;
  using FreeList = FreeListT;
  static constexpr Exhaustion kExhaustion = kExhaustionV;
};

// Aborts with `sentence` if `holds` is false, in every build.
inline void Expect(bool holds, const char* sentence) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", sentence);
  std::abort();
}

// The bytes of an input, one after another, followed by zeros.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : data_(data), end_(data + size) {}

  bool empty() const { return data_ == end_; }
  std::uint8_t Byte() { return empty() ? 0 : *data_++; }
  // Returns a number in 0..n-1.
  unsigned Below(unsigned n) { return Byte() % n; }
  haft::Word Word() {
    haft::Word word = 0;
    for (std::size_t i = 0; i < sizeof(word); ++i) word = word << 8 | Byte();
    return word;
  }

  // Returns a word that a caller might pass: one of `known`, a word near one of
  // them, or any word at all. `known` are handles of a table of `Layout`.
  template <typename Layout>
  haft::Word AnyHandle(const std::vector<haft::Word>& known) {
    const unsigned how = Byte();
    const haft::Word base =
        known.empty() ? Layout::Make(1, how % Layout::kSlots)
                      : known[known.size() - 1 - Byte() % known.size()];
    switch (how % 16) {
      case 0:
        return Word();
      case 1:
        return 0;
      case 2:
        return base ^ haft::Word{1} << Below(sizeof(haft::Word) * 8);
      case 3:
        return base + Layout::Generation::kOne;
      case 4:
        return base - Layout::Generation::kOne;
      case 5:
        return base ^ Layout::Index::Encode(Byte());
      case 6:
        return Layout::Make(Byte(), Byte());
      case 7:  // in the way that states of slots are made from handles
        return base ^ Layout::Index::Encode(Below(8)) ^ 1;
      default:
        return base;
    }
  }

 private:
  const std::uint8_t* data_;
  const std::uint8_t* const end_;
};

// While such an object exists, the calling thread acts as another one, whose
// exit hook has run: it has no cache in any table, and borrows an index. All
// these objects stand for the same other thread, and one inside another goes
// back to the first.
class AsUncachedCaller {
 public:
  explicit AsUncachedCaller(bool is_uncached) : is_uncached_(is_uncached) {
    if (is_uncached_) Swap();
  }
  ~AsUncachedCaller() {
    if (is_uncached_) Swap();
  }
  AsUncachedCaller(const AsUncachedCaller&) = delete;
  AsUncachedCaller& operator=(const AsUncachedCaller&) = delete;

 private:
  static void Swap() {
    static internal::sync::ThreadState other = {};
    static const bool has_exited = (other.exited.store(true), true);
    (void)has_exited;
    internal::sync::ThreadState& own = internal::sync::ThisThread();
    other.index.store(own.index.exchange(other.index.load()));
    other.cache.store(own.cache.exchange(other.cache.load()));
    other.exited.store(own.exited.exchange(other.exited.load()));
    std::swap(own.registry, other.registry);
    std::swap(own.loans, other.loans);
    std::swap(own.tag, other.tag);
  }

  const bool is_uncached_;
};

// Returns how many free handles of `table` the calling thread cannot reach: an
// uncached caller those in the caches of threads. (The fuzzers have one thread,
// so that a caller with a cache reaches them all.)
template <typename FreeList, typename Table>
std::size_t OutOfReach(const Table& table) {
  std::size_t cached = 0;
  if (internal::sync::ThisThread().cache.load() != 0) return cached;
  internal::Inspector::AllocatorOf(table).caches().ForEach(
      [&](const auto& cache, unsigned level) {
        FreeList::ForEachCached(cache, level, [&](Word) { ++cached; });
      });
  return cached;
}

}  // namespace haft::fuzz

#endif  // TESTS_FUZZ_INPUT_H_
