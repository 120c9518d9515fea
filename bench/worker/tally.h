// The counts of one thread.

#ifndef HAFT_BENCH_WORKER_TALLY_H_
#define HAFT_BENCH_WORKER_TALLY_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace haft::study {

// The kinds of operations that are counted.
enum class Kind : unsigned {
  kNew,
  kFind,
  kDelete,
  kStale,
  kPin,
  kUnpin,
  kDeletePinned,
  kScope,
  kStats,
  kRound,
};
inline constexpr std::size_t kKinds = 10;

// Returns the name that the answer has for a kind.
constexpr const char* NameOf(Kind kind) {
  constexpr const char* kNames[kKinds] = {
      "new",   "find",          "delete", "stale", "pin",
      "unpin", "delete_pinned", "scope",  "stats", "round"};
  return kNames[static_cast<std::size_t>(kind)];
}

// Answers that no correct table gives.
enum class Wrong : unsigned {
  kNotFound,      // a live key is not found
  kNotDeleted,    // a live key cannot be deleted
  kOtherValue,    // a key has a value that was not stored with it
  kStaleFound,    // a deleted key is found
  kStaleDeleted,  // a deleted key is deleted once more
  kTwice,         // a key is live twice
};
inline constexpr std::size_t kWrongs = 6;

// Workloads add what they have attempted once a chunk. Failures and wrong
// answers are counted at once, in branches that are seldom or never taken,
// because a store for each operation would delay the next compare-and-swap.
struct Tally {
  std::array<std::uint64_t, kKinds> attempted{};
  std::array<std::uint64_t, kKinds> failed{};
  std::array<std::uint64_t, kWrongs> wrong{};

  void Attempted(Kind kind, std::uint64_t count) {
    attempted[static_cast<std::size_t>(kind)] += count;
  }
  [[gnu::cold, gnu::noinline]] void Failed(Kind kind, std::uint64_t count = 1) {
    failed[static_cast<std::size_t>(kind)] += count;
  }
  [[gnu::cold, gnu::noinline]] void Answered(Wrong answer) {
    ++wrong[static_cast<std::size_t>(answer)];
  }
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_TALLY_H_
