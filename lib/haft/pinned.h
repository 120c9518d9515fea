// A pin of an ObjectTable: keeps an object alive for as long as it lasts.

#ifndef HAFT_PINNED_H_
#define HAFT_PINNED_H_

#include <new>
#include <utility>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/table/object_store.h"
#include "haft/status.h"

namespace haft {
inline namespace HAFT_ABI {

template <typename T, typename Traits>
class ObjectTable;

// A pin as plain words, which C may store and any thread may give back; see
// PinnedObject::Detach.
struct PinWords {
  Word words[4];
};

// The result of ObjectTable::Pin: it holds an object, or says why it does not.
// It may be moved, to another thread too, and any thread may end it.
//
// A pin that outlives its table still protects its object, which then stays in
// memory permanently; see ~ObjectTable.
template <typename T, typename Traits>
class PinnedObject {
  using Store = internal::ObjectStore<T, Traits>;
  using Hold = typename Store::Hold;
  using Slot = typename Store::Slot;

 public:
  PinnedObject(PinnedObject&& other) noexcept
      : store_(other.store_),
        hold_(std::exchange(other.hold_, nullptr)),
        slot_(other.slot_),
        word_(other.word_),
        status_(std::exchange(other.status_, Status::kNull)) {}
  PinnedObject& operator=(PinnedObject&& other) noexcept {
    if (this != &other) {
      Unpin();
      new (this) PinnedObject(std::move(other));
    }
    return *this;
  }
  ~PinnedObject() { Unpin(); }

  // kOk while it holds an object; otherwise why it does not, or kNull once it
  // has been ended or moved.
  Status status() const noexcept { return status_; }
  explicit operator bool() const noexcept { return hold_ != nullptr; }
  Handle handle() const noexcept { return Handle(word_); }

  T& operator*() const noexcept { return *slot_->object(); }
  T* operator->() const noexcept { return slot_->object(); }
  T* get() const noexcept { return *this ? slot_->object() : nullptr; }

  // Ends the pin. Has no effect if it holds no object.
  //   Progress  wait-free, unless it is the last pin of a deleted object
  //   Cost      a store and a load; for the last pin, T's destructor as well
  //   Ordering  what precedes happens before T's destructor
  void Unpin() noexcept {
    if (hold_ == nullptr) return;
    status_ = Status::kNull;
    Store::Unpin(store_, std::exchange(hold_, nullptr), slot_, word_);
  }

  // As Unpin, for a pin that was attached in the C ABI, where the same words
  // may be attached again after the pin has ended.
  //   Returns   false, and ends no pin, if it is certain that this function has
  //             ended the pin before
  //   Cost      a load and a store more
  [[nodiscard]] bool UnpinIfHeld() noexcept {
    if (hold_ != nullptr &&
        __builtin_expect(!Store::Reclamation::TakeNote(hold_, *slot_, word_),
                         0)) {
      hold_ = nullptr;
      status_ = Status::kNull;
      return false;
    }
    Unpin();
    return true;
  }

  // Returns the pin as plain words. From here on only Attach ends it.
  PinWords Detach() noexcept {
    if (hold_ != nullptr) Store::Reclamation::NoteHeld(hold_, word_);
    status_ = Status::kNull;
    return {{reinterpret_cast<Word>(store_),
             reinterpret_cast<Word>(std::exchange(hold_, nullptr)),
             reinterpret_cast<Word>(slot_), word_}};
  }
  // Returns the pin that Detach has made these words of. The words of each pin
  // may be attached once. All zero words give a pin that holds nothing.
  static PinnedObject Attach(const PinWords& words) noexcept {
    if (words.words[1] == 0) return PinnedObject(Status::kNull);
    return PinnedObject(reinterpret_cast<Store*>(words.words[0]),
                        reinterpret_cast<Hold*>(words.words[1]),
                        reinterpret_cast<Slot*>(words.words[2]),
                        words.words[3]);
  }

 private:
  friend class ObjectTable<T, Traits>;
  explicit PinnedObject(Status why_not) noexcept : status_(why_not) {}
  PinnedObject(Store* store, Hold* hold, Slot* slot, Word word) noexcept
      : store_(store),
        hold_(hold),
        slot_(slot),
        word_(word),
        status_(Status::kOk) {}

  Store* store_ = nullptr;
  Hold* hold_ = nullptr;
  Slot* slot_ = nullptr;
  Word word_ = 0;
  Status status_;
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_PINNED_H_
