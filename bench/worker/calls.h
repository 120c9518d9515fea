// The operations of a table as workloads call them: paced, timed and checked.

#ifndef HAFT_BENCH_WORKER_CALLS_H_
#define HAFT_BENCH_WORKER_CALLS_H_

#include <cstddef>
#include <cstdint>

#include "bench/worker/members.h"
#include "bench/worker/values.h"
#include "bench/worker/workload.h"

namespace haft::study {

// A handle, and the address that is stored with it.
struct Stored {
  Key key;
  std::uintptr_t address;
};

// For use as a local variable of the measured loop, so that nothing must be
// loaded again after each atomic operation. The calls are inlined by force for
// the same reason: a call is several stores.
template <typename T, typename V, typename Observer>
class Calls {
 public:
  Calls(T& table, SessionOf<T>& session, ThreadContext& context)
      : table_(table),
        session_(session),
        tally_(context.tally),
        observer_(context.pacer),
        touches_(context.request.touch) {}

  // Returns kNoKey if the table is full.
  [[gnu::always_inline]] Key New(std::uintptr_t address) {
    const auto begin = observer_.Begin();
    const Key key =
        call::New<T, const V&>(table_, session_, MakeValue<V>(address));
    observer_.End(begin, Kind::kNew);
    if (__builtin_expect(key == kNoKey, 0)) tally_.Failed(Kind::kNew);
    return key;
  }

  [[gnu::always_inline]] void Delete(Key key, Kind kind = Kind::kDelete) {
    const auto begin = observer_.Begin();
    const bool deleted = call::Delete<T, Key>(table_, session_, key);
    observer_.End(begin, kind);
    if (__builtin_expect(!deleted, 0)) tally_.Answered(Wrong::kNotDeleted);
  }

  // Looks up a key that is live.
  [[gnu::always_inline]] void Find(const Stored& stored) {
    V value{};  // or compilers warn of those that a callback fills in
    const auto begin = observer_.Begin();
    const bool found =
        call::Find<T, Key, V*>(table_, session_, stored.key, &value);
    observer_.End(begin, Kind::kFind);
    if (__builtin_expect(!found, 0)) {
      tally_.Answered(Wrong::kNotFound);
    } else {
      Check(value, stored.address);
    }
  }

  // Looks up a key that another thread may delete at the same time.
  [[gnu::always_inline]] void FindIfLive(const Stored& stored) {
    V value{};  // or compilers warn of those that a callback fills in
    const auto begin = observer_.Begin();
    const bool found =
        call::Find<T, Key, V*>(table_, session_, stored.key, &value);
    observer_.End(begin, Kind::kFind);
    if (found) Check(value, stored.address);
  }

  // Looks up a key that is deleted.
  [[gnu::always_inline]] void FindStale(Key key) {
    V value{};  // or compilers warn of those that a callback fills in
    const auto begin = observer_.Begin();
    const bool found = call::Find<T, Key, V*>(table_, session_, key, &value);
    observer_.End(begin, Kind::kStale);
    if (__builtin_expect(found, 0)) tally_.Answered(Wrong::kStaleFound);
  }

  [[gnu::always_inline]] void DeleteUnlessPinned(Key key) {
    const auto begin = observer_.Begin();
    const bool deleted =
        call::DeleteUnlessPinned<T, Key>(table_, session_, key);
    observer_.End(begin, Kind::kDelete);
    if (__builtin_expect(!deleted, 0)) tally_.Answered(Wrong::kNotDeleted);
  }

  void Stats() {
    const auto begin = observer_.Begin();
    Use(call::Stats<T>(table_, session_));
    observer_.End(begin, Kind::kStats);
  }

  // Makes `count` handles, and deletes them.
  //   Returns   how many it has made
  [[gnu::always_inline]] std::size_t Batch(const V* values, std::size_t count,
                                           Key* keys) {
    const auto begin = observer_.Begin();
    const std::size_t made = call::NewBatch<T, const V*, std::size_t, Key*>(
        table_, session_, values, count, keys);
    observer_.End(begin, Kind::kNew);
    const auto begin_delete = observer_.Begin();
    const std::size_t deleted = call::DeleteBatch<T, const Key*, std::size_t>(
        table_, session_, keys, made);
    observer_.End(begin_delete, Kind::kDelete);
    if (__builtin_expect(deleted != made, 0))
      tally_.Answered(Wrong::kNotDeleted);
    return made;
  }

  // Checks the value of a live key, and reads the object if the request says
  // so.
  [[gnu::always_inline]] void Check(const V& value, std::uintptr_t address) {
    if (__builtin_expect(AddressIn(value) != address, 0)) {
      tally_.Answered(Wrong::kOtherValue);
    } else if (touches_) {
      Use(*reinterpret_cast<const std::uint64_t*>(address));
    }
  }

  T& table() { return table_; }
  SessionOf<T>& session() { return session_; }
  Tally& tally() { return tally_; }
  Observer& observer() { return observer_; }

 private:
  T& table_;
  SessionOf<T>& session_;
  Tally& tally_;
  Observer observer_;
  const bool touches_;
};

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_CALLS_H_
