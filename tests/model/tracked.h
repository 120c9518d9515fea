// Tracked objects for models of the object table, and the calls that use them.

#ifndef TESTS_MODEL_TRACKED_H_
#define TESTS_MODEL_TRACKED_H_

#include <optional>

#include "haft/global_free_list.h"
#include "haft/handle_layout.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"
#include "haft/object_table.h"
#include "haft/status.h"
#include "haft/traits.h"
#include "tests/model/model.h"

namespace haft::model {

// The state of one object. It is not a part of the model and is exact at each
// step.
struct Life {
  unsigned made = 0;
  unsigned destroyed = 0;
  unsigned holders = 0;  // pins, and scopes that have found it
  unsigned busy = 0;     // running calls that may have to destroy it
  bool deleted = false;  // a Delete of it has returned
  internal::sync::Plain<unsigned> epitaph;  // written by the destructor
};

class Tracked {
 public:
  explicit Tracked(Life& life) noexcept : life_(&life) {
    Require(life_->made++ == 0, "constructed once");
    state_.Write(kAlive);
  }
  ~Tracked() {
    Require(life_->made == 1, "what is destroyed has been constructed");
    Require(life_->holders == 0, "not destroyed while in use");
    Require(++life_->destroyed == 1, "destroyed once");
    state_.Write(kDestroyed);
    life_->epitaph.Write(1);
  }
  Tracked(const Tracked&) = delete;
  Tracked& operator=(const Tracked&) = delete;

  void Use(const Life& life) const noexcept {
    Require(life_ == &life, "the object that the handle was made for");
    Require(life.made == 1 && life.destroyed == 0, "an object in use exists");
    Require(state_.Read() == kAlive, "an object in use is as constructed");
  }

 private:
  static constexpr unsigned kAlive = 0xa11fe;
  static constexpr unsigned kDestroyed = 0xdead;

  Life* const life_;
  internal::sync::Plain<unsigned> state_;
};

// The layout and free list with the fewest steps besides the protocol of the
// pins.
struct TrackedTraits : DefaultTraits {
  using Layout = HandleLayout<4, 5>;
  using FreeList = GlobalFreeList;
};
using TrackedTable = ObjectTable<Tracked, TrackedTraits>;
using TrackedPin = TrackedTable::Pinned;

// Returns the handle after `handle` in the same slot.
inline Handle Successor(Handle handle) {
  return Handle(static_cast<Word>(handle) +
                TrackedTraits::Layout::Generation::kOne);
}

// From here on, the set-up acts under the index of thread `thread`.
inline void ActAs(unsigned thread) {
  const auto copy = [](auto& to, const auto& from) {
    to.store(from.load(std::memory_order_relaxed), std::memory_order_relaxed);
  };
  internal::sync::ThreadState& own = internal::sync::ThisThread();
  internal::sync::ThreadState& other = internal::sync::thread_states[thread];
  copy(own.index, other.index);
  copy(own.cache, other.cache);
  own.registry = other.registry;
  own.tag = other.tag;
  if (own.index.load(std::memory_order_relaxed) != 0) return;
  ::haft::internal::ThreadRegistry::OfThisCopy().Claim();
  copy(other.index, own.index);
  copy(other.cache, own.cache);
  other.registry = own.registry;
  other.tag = own.tag;
}
// Gives the threads 0..count-1 their indices, which saves the model's threads
// those steps. The set-up goes on under the index of thread 0.
inline void GiveIndices(unsigned count) {
  while (count-- > 0) ActAs(count);
}
// Makes thread `thread` an uncached caller, which borrows an index for each
// call that needs one.
inline void MakeUncached(unsigned thread) {
  internal::sync::ThreadState& state = internal::sync::thread_states[thread];
  state.exited.store(true, std::memory_order_relaxed);
  // An earlier model's thread may have had an index.
  if (state.index.load(std::memory_order_relaxed) == 0)
    state.registry = nullptr;
}

// The duration of a call that may destroy the object of `life`. When the last
// of these calls has ended and no pin or scope holds the deleted object, it
// must have been destroyed.
class Call {
 public:
  explicit Call(Life& life) noexcept : life_(life) { ++life_.busy; }
  ~Call() {
    if (--life_.busy == 0 && life_.holders == 0 && life_.deleted)
      Require(life_.destroyed == 1, "destroyed no later than the last unpin");
  }

 private:
  Life& life_;
};

// Deletes the object, or calls `end` instead. Returns whether this call ended
// the handle.
template <typename F>
bool End(Life& life, F&& end) {
  const Call call(life);
  const bool was_deleted = life.deleted;
  const Status status = end();
  if (status != Status::kOk) return false;
  Require(!was_deleted && !life.deleted, "deleted once");
  return life.deleted = true;
}
template <typename Table>
bool Delete(Table& table, Handle handle, Life& life) {
  return End(life, [&] { return table.Delete(handle); });
}

template <typename Table>
typename Table::Pinned Pin(Table& table, Handle handle, Life& life) {
  const Call call(life);
  const bool was_deleted = life.deleted;
  typename Table::Pinned pin = table.Pin(handle);
  if (pin) {
    Require(!was_deleted, "no Pin after Delete");
    ++life.holders;
  }
  return pin;
}
template <typename Pinned>
void Unpin(Pinned& pin, Life& life) {
  if (!pin) return;
  const Call call(life);
  --life.holders;
  pin.Unpin();
}
// Returns whether the object could be pinned.
template <typename Table>
bool PinUseUnpin(Table& table, Handle handle, Life& life) {
  typename Table::Pinned pin = Pin(table, handle, life);
  if (!pin) return false;
  pin->Use(life);
  Unpin(pin, life);
  return true;
}

// Every set-up pins as thread 0.
struct ThreadsWithIndices {
  ThreadsWithIndices() { GiveIndices(3); }
};

// Models of a table with one object.

template <typename Table>
struct OneObjectOf : ThreadsWithIndices {
  Table table{1};
  Life life;
  const Handle handle = table.Emplace(life);

  void After() {
    Require(life.destroyed == (life.deleted ? 1 : 0), "deleted is destroyed");
    // After the last hold ends, nothing keeps an object from being destroyed.
    if (!life.deleted) Require(Delete(table, handle, life), "live is live");
    Require(life.destroyed == 1, "destroyed at once");
  }
};

// Threads 1 to kThreads - 1 use the object for the first time.
template <typename Table>
struct PinAgainstDeleteOf : OneObjectOf<Table> {
  static constexpr unsigned kThreads = 2;
  void Thread(unsigned i) {
    if (i == 0) {
      Require(Delete(this->table, this->handle, this->life),
              "the one Delete succeeds");
    } else {
      PinUseUnpin(this->table, this->handle, this->life);
    }
  }
};

template <typename Table>
struct TwoPinsAgainstDeleteOf : PinAgainstDeleteOf<Table> {
  static constexpr unsigned kThreads = 3;
};

// Two pins are released by other threads than the one that took them.
template <typename Table>
struct TwoUnpinsAgainstDeleteOf : OneObjectOf<Table> {
  static constexpr unsigned kThreads = 3;
  typename Table::Pinned pins[2] = {Pin(this->table, this->handle, this->life),
                                    Pin(this->table, this->handle, this->life)};

  void Thread(unsigned i) {
    if (i == 2) {
      Require(Delete(this->table, this->handle, this->life),
              "the one Delete succeeds");
    } else {
      pins[i]->Use(this->life);
      Unpin(pins[i], this->life);
    }
  }
};

}  // namespace haft::model

#endif  // TESTS_MODEL_TRACKED_H_
