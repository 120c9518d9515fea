// Objects whose lives models of the object table follow, and the calls that
// use them.

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

// What became of one object. Not part of what is modelled: exact at each step.
struct Life {
  unsigned made = 0;
  unsigned destroyed = 0;
  unsigned holders = 0;  // pins, and scopes that have found it
  unsigned busy = 0;     // calls under way that may have to see to it
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

// As few steps beside the protocol of the pins as can be.
struct TrackedTraits : DefaultTraits {
  using Layout = HandleLayout<4, 5>;
  using FreeList = GlobalFreeList;
};
using TrackedTable = ObjectTable<Tracked, TrackedTraits>;
using TrackedPin = TrackedTable::Pinned;

// The handle after `handle` in the same slot.
inline Handle Successor(Handle handle) {
  return Handle(static_cast<Word>(handle) +
                TrackedTraits::Layout::Generation::kOne);
}

// What the set-up does from here on, it does under the index of thread
// `thread`.
inline void ActAs(unsigned thread) {
  internal::sync::Atomic<unsigned>& index =
      internal::sync::thread_states[thread].index;
  internal::sync::Atomic<unsigned>& own = internal::sync::ThisThread().index;
  own.store(index.load(std::memory_order_relaxed), std::memory_order_relaxed);
  if (own.load(std::memory_order_relaxed) != 0) return;
  ::haft::internal::ThreadRegistry::Claim();
  index.store(own.load(std::memory_order_relaxed), std::memory_order_relaxed);
}
// Gives the threads 0..count-1 their indices, which saves the model's threads
// those steps; the set-up goes on under that of thread 0.
inline void GiveIndices(unsigned count) {
  while (count-- > 0) ActAs(count);
}
// Makes a guest of thread `thread`: it gets no index.
inline void MakeGuest(unsigned thread) {
  internal::sync::thread_states[thread].exited.store(true,
                                                     std::memory_order_relaxed);
}

// A call that may destroy the object of `life`. When the last of those is over,
// and nobody holds a deleted object, it has been destroyed.
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

// Delete, or what `end` does instead; whether it is the one that succeeded.
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
// Whether it could be pinned.
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
    // And nothing stands in the way of what is not.
    if (!life.deleted) Require(Delete(table, handle, life), "live is live");
    Require(life.destroyed == 1, "destroyed at once");
  }
};

// Two threads use the object for the first time.
template <typename Table>
struct TwoPinsAgainstDeleteOf : OneObjectOf<Table> {
  static constexpr unsigned kThreads = 3;
  void Thread(unsigned i) {
    if (i == 0) {
      Require(Delete(this->table, this->handle, this->life),
              "the one Delete succeeds");
    } else {
      PinUseUnpin(this->table, this->handle, this->life);
    }
  }
};

// Two pins, let go by threads other than the one that took them.
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
