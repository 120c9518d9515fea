// The table of a run with the handles that are live in it.

#ifndef HAFT_BENCH_WORKER_STOCK_H_
#define HAFT_BENCH_WORKER_STOCK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "bench/worker/huge_pages.h"
#include "bench/worker/members.h"
#include "bench/worker/request.h"
#include "bench/worker/tally.h"
#include "bench/worker/values.h"

namespace haft::study {

// The object that a value points to.
struct Object {
  std::uint64_t content = 0;
};

// Objects, given by their addresses.
class Objects {
 public:
  explicit Objects(const Object* begin)
      : begin_(reinterpret_cast<std::uintptr_t>(begin)) {}
  std::uintptr_t operator[](std::size_t i) const {
    return begin_ + i * sizeof(Object);
  }

 private:
  std::uintptr_t begin_;
};

// Cell i of the stock has one handle, whose value is the address of object i.
// A workload may replace the handle of a cell, but not its value: so a look-up
// can be checked although the handle comes from another thread.
template <typename T, typename V>
class Stock {
 public:
  // Fills the table with request.live handles. There is room for each thread to
  // have `in_hand` more, and each thread has as many objects for them.
  Stock(const Request& request, std::size_t in_hand, bool with_stale_keys)
      : table_(MakeTable(request)), in_hand_(in_hand), keys_(request.live) {
    const std::size_t wanted = request.live + request.threads * in_hand;
    if (wanted > request.capacity) {
      throw Refused("capacity", "there are up to " + std::to_string(wanted) +
                                    " handles at a time");
    }
    objects_.resize(std::max<std::size_t>(wanted, 1));
    if (request.huge_pages) AdviseHugePages();
    SessionOf<T> session(table_);
    if (with_stale_keys) {
      Fill(session);
      if constexpr (kHasDelete<T, Key>) {
        for (const Key key : keys_) call::Delete<T, Key>(table_, session, key);
      }
      stale_ = keys_;
    }
    Fill(session);
    if (request.huge_pages) AdviseHugePages();
  }

  T& table() { return table_; }

  // The handles of the cells, which a workload may replace.
  std::vector<Key>& keys() { return keys_; }
  // As many handles that were deleted, or none.
  const std::vector<Key>& stale() const { return stale_; }

  // Returns the objects of the cells.
  Objects objects() const { return Objects(objects_.data()); }
  // Returns the objects of a thread's own.
  Objects ObjectsInHand(std::size_t thread) const {
    return Objects(objects_.data() + keys_.size() + thread * in_hand_);
  }

  // Counts the answers about the stock that are wrong, and empties it.
  void Verify(Tally& tally) {
    SessionOf<T> session(table_);
    VerifyOnce(tally);
    if constexpr (kHasFind<T, Key, V*>) {
      for (std::size_t i = 0; i < keys_.size(); ++i) {
        V value{};
        if (!call::Find<T, Key, V*>(table_, session, keys_[i], &value)) {
          tally.Answered(Wrong::kNotFound);
        } else if (AddressIn(value) != objects()[i]) {
          tally.Answered(Wrong::kOtherValue);
        }
      }
    }
    if constexpr (kHasDelete<T, Key>) {
      for (const Key key : keys_) {
        if (!call::Delete<T, Key>(table_, session, key))
          tally.Answered(Wrong::kNotDeleted);
      }
      if constexpr (RefusesStale<T>()) {
        VerifyStale(session, keys_, tally);
        VerifyStale(session, stale_, tally);
      }
    }
  }

 private:
  static T MakeTable(const Request& request) {
    if constexpr (std::is_constructible_v<T, std::size_t, std::size_t>) {
      // The table wants to know how many threads will use it. The one that
      // fills it is one more.
      return T(request.capacity, request.threads + request.bystanders + 1);
    } else {
      return T(request.capacity);
    }
  }

  void Fill(SessionOf<T>& session) {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      keys_[i] =
          call::New<T, const V&>(table_, session, MakeValue<V>(objects()[i]));
      if (keys_[i] == kNoKey) {
        throw Refused("live", "the table is full after " + std::to_string(i) +
                                  " handles");
      }
    }
  }

  void VerifyOnce(Tally& tally) const {
    std::vector<Key> sorted = keys_;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 1; i < sorted.size(); ++i)
      if (sorted[i] == sorted[i - 1]) tally.Answered(Wrong::kTwice);
  }

  void VerifyStale(SessionOf<T>& session, const std::vector<Key>& keys,
                   Tally& tally) {
    for (const Key key : keys) {
      if constexpr (kHasFind<T, Key, V*>) {
        V value{};
        if (call::Find<T, Key, V*>(table_, session, key, &value))
          tally.Answered(Wrong::kStaleFound);
      }
      if (call::Delete<T, Key>(table_, session, key))
        tally.Answered(Wrong::kStaleDeleted);
    }
  }

  T table_;
  const std::size_t in_hand_;
  std::vector<Key> keys_;
  std::vector<Key> stale_;
  std::vector<Object> objects_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_STOCK_H_
