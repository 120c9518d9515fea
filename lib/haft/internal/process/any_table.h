// AnyTable: an ObjectTable of objects of any type, on which the C ABI is built.

#ifndef HAFT_INTERNAL_PROCESS_ANY_TABLE_H_
#define HAFT_INTERNAL_PROCESS_ANY_TABLE_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/hazard_reclamation.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/check.h"
#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "haft/status.h"
#include "haft/traits.h"
#include "haft/view.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// An object, its type, and how to destroy it.
class AnyObject {
 public:
  using Destroy = void (*)(void* context);

  // The destructor calls destroy(context), once, unless `destroy` is nullptr.
  AnyObject(void* object, const haft_type* type, Destroy destroy,
            void* context) noexcept
      : object_(object), type_(type), destroy_(destroy), context_(context) {}
  AnyObject(AnyObject&& other) noexcept
      : object_(other.object_),
        type_(other.type_),
        destroy_(std::exchange(other.destroy_, nullptr)),
        context_(other.context_) {}
  AnyObject& operator=(AnyObject&&) = delete;
  ~AnyObject() {
    if (destroy_ != nullptr) destroy_(context_);
  }

  void* object() const noexcept { return object_; }
  const haft_type* type() const noexcept { return type_; }
  Destroy destroy() const noexcept { return destroy_; }
  void* context() const noexcept { return context_; }

  // Returns the object, which will not be destroyed any more.
  void* Release() noexcept {
    destroy_ = nullptr;
    return object_;
  }

 private:
  // As view.h tells it: a borrower writes the object and the context.
  void* object_;
  const haft_type* const type_;
  Destroy destroy_;
  void* context_;
};
static_assert(sizeof(AnyObject) == 4 * sizeof(void*));

// An object that was taken out of its table. destroy(context) is now left to
// the caller; there is nothing to call if `destroy` is nullptr.
struct TakenObject {
  void* object;
  AnyObject::Destroy destroy;
  void* context;
};

// Returns whether two sizes or alignments agree. 0 is unknown.
constexpr bool LayoutAgrees(std::size_t a, std::size_t b) noexcept {
  return a == b || a == 0 || b == 0;
}

// Returns whether an object of type `actual` is acceptable where `wanted` is
// asked for (nullptr: any type is): if both are one descriptor, or if both have
// an identity, the identities are equal strings, and the layouts agree.
inline bool TypeMatches(const haft_type* actual,
                        const haft_type* wanted) noexcept {
  return wanted == nullptr || wanted == actual ||
         (wanted->identity != nullptr && actual->identity != nullptr &&
          std::strcmp(wanted->identity, actual->identity) == 0 &&
          LayoutAgrees(wanted->size, actual->size) &&
          LayoutAgrees(wanted->alignment, actual->alignment));
}

// Returns the name of a type for messages.
inline const char* TypeNameOf(const haft_type& type) noexcept {
  return type.name != nullptr ? type.name : "(nameless)";
}

// Adds to each slot a copy of the object's address and type, so that AnyValue
// needs no pin.
class AnyReclamation : public HazardReclamation {
 public:
  using HazardReclamation::HazardReclamation;

  struct Usage : HazardReclamation::Usage {
    void BeginLife(const AnyObject& any) noexcept {
      HazardReclamation::Usage::BeginLife(any);
      // [A1] release, both: a thread that reads them by [A2] then sees, by its
      // second look at the state, that an earlier handle has ended.
      object.store(any.object(), std::memory_order_release);
      type.store(const_cast<haft_type*>(any.type()), std::memory_order_release);
    }
    // Keeps LeakSanitizer from finding an object that is no longer in the
    // table.
    void EndLife() noexcept {
      // As [A1]: a thread that reads this by [A2] sees that the handle has
      // ended.
      object.store(nullptr, std::memory_order_release);
    }
    sync::Atomic<void*> object;
    sync::Atomic<haft_type*> type;  // never written to
  };
};

struct AnyTraits : DefaultTraits {
  using Reclamation = AnyReclamation;
  // Those that a loan can hold, ready and ended. With the free list's own, the
  // slots of 240 loans still fit into 2^18 slots.
  static constexpr std::size_t kSlotsOfLoan =
      std::size_t{2} * HAFT_LOAN_HANDLES;
  static constexpr std::size_t kSlotsSetAside = 240 * kSlotsOfLoan;
  // Words of 32 bits leave a slot so few generations that a program could use
  // up the table.
  static constexpr Exhaustion kExhaustion =
      sizeof(Word) < 8 ? Exhaustion::kWrap : Exhaustion::kDropSlot;
};

// A table of such objects, with what the C ABI and the diagnostics need
// besides.
template <typename Traits>
class BasicAnyTable : public ObjectTable<AnyObject, Traits> {
  using Base = ObjectTable<AnyObject, Traits>;

 public:
  using Detached = typename ObjectStore<AnyObject, Traits>::Detached;

  using Base::Base;

  // As ObjectTable::Create.
  static std::unique_ptr<BasicAnyTable> Create(std::size_t capacity) noexcept {
    return TableIfOk(new (std::nothrow) BasicAnyTable(capacity, Unchecked{}));
  }

  // For the C ABI and the diagnostics; see ObjectStore.
  template <typename... Arguments>
  [[nodiscard, gnu::always_inline]] Handle TryEmplace(
      Arguments... arguments) noexcept {
    return this->store().TryEmplace(arguments...);
  }
  template <typename F>
  [[gnu::always_inline]] Status ReadUsage(Handle handle, F&& f) const noexcept {
    return this->store().ReadUsage(handle, f);
  }
  template <typename F>
  [[gnu::always_inline]] bool TryReadUsage(Handle handle,
                                           F&& f) const noexcept {
    return this->store().TryReadUsage(static_cast<Word>(handle), f);
  }
  template <typename F>
  [[gnu::always_inline]] bool TryEnd(Handle handle, F&& accepts) noexcept {
    return this->store().TryEnd(static_cast<Word>(handle), accepts);
  }
  [[gnu::always_inline]] void Dispose(Handle ended) noexcept {
    this->store().Dispose(static_cast<Word>(ended));
  }
  [[nodiscard]] Detached DetachUnlessPinned(Handle handle,
                                            Status* why) noexcept {
    return this->store().DetachUnlessPinned(handle, why);
  }
  [[nodiscard]] const char* DescribeSlot(Handle handle,
                                         Handle* live) const noexcept {
    return this->store().DescribeSlot(handle, live);
  }
  [[nodiscard]] std::size_t slots() const noexcept {
    return this->store().slots();
  }

  [[nodiscard]] Word Lend(const haft_type* type) noexcept {
    return this->store().Lend(nullptr, type, type->destroy, nullptr);
  }
  void TakeBack(Word word) noexcept { this->store().TakeBack(word); }
  bool DisposeOfEnded(Word word) noexcept {
    return this->store().DisposeOfEnded(word);
  }
  // See SlotAllocator.
  static Word Later(Word handle, std::uint64_t fraction) noexcept {
    return ObjectStore<AnyObject, Traits>::Allocator::Later(handle, fraction);
  }
  // Returns how many loans the table has slots for.
  std::size_t MostLoans() const noexcept {
    return this->store().allocator().set_aside() / AnyTraits::kSlotsOfLoan;
  }

  // Returns the view of this table for view.h. `name` is the table as C calls
  // take it, and `gate` the word that tells whether diagnostics watch.
  haft_view View(haft_table* name, const Word* gate) noexcept {
    auto& slots = this->store().allocator().slots();
    auto& first = slots[0];
    static_assert(sizeof(first) == sizeof(haft_slot));
    auto* const told = reinterpret_cast<haft_slot*>(&first);
    const auto is_at = [](const auto* a, const auto* b) {
      return reinterpret_cast<Word>(a) == reinterpret_cast<Word>(b);
    };
    HAFT_CHECK(is_at(&told->object, &first.usage().object) &&
                   is_at(&told->type, &first.usage().type) &&
                   is_at(&told->state, first.state_word()) &&
                   is_at(&told->content_object, first.object()),
               "view.h tells another layout of slots");
    using Layout = typename Traits::Layout;
    static_assert(ObjectStore<AnyObject, Traits>::Allocator::State::Free(0) ==
                  HAFT_VIEW_FREE);
    return {name,
            gate,
            told,
            slots.byte_mask(),
            Layout::Generation::kOne,
            Layout::Generation::kMask};
  }

  // Returns the table in which a pin was taken, whose first word is given. It
  // may have been destroyed since.
  static const BasicAnyTable* OwnerOfPin(Word first) noexcept {
    static_assert(
        sizeof(BasicAnyTable) == sizeof(ObjectStore<AnyObject, Traits>),
        "the store is not the whole table");
    // NOLINTNEXTLINE(performance-no-int-to-ptr): it has been a pointer.
    return reinterpret_cast<const BasicAnyTable*>(first);
  }

 protected:
  using typename Base::Unchecked;
  BasicAnyTable(std::size_t capacity, Unchecked unchecked) noexcept
      : Base(capacity, unchecked) {}

 private:
  friend std::unique_ptr<BasicAnyTable> internal::TableIfOk<BasicAnyTable>(
      BasicAnyTable*) noexcept;
};
using AnyTable = BasicAnyTable<AnyTraits>;

// The operations of haft.h, apart from finding the table. All functions that
// end a handle invoke `ended()` after the handle has ended and before the
// object can be destroyed. The frequent ones are always inlined, so that their
// callers need no stack frame.

// The copy of an object's address and type that its slot keeps.
struct AnyCopy {
  void Read(const AnyReclamation::Usage& usage) noexcept {
    // [A2] acquire, both: partner of [A1].
    object = usage.object.load(std::memory_order_acquire);
    type = usage.type.load(std::memory_order_acquire);
  }
  void* object = nullptr;
  const haft_type* type = nullptr;
};

// Reads the object of `handle`, if it is live and its type matches `wanted`.
//   Progress  wait-free
template <typename Table>
[[gnu::always_inline]] inline Status AnyValue(const Table& table, Handle handle,
                                              const haft_type* wanted,
                                              void** object) noexcept {
  AnyCopy copy;
  const Status status =
      table.ReadUsage(handle, [&](const auto& usage) { copy.Read(usage); });
  if (__builtin_expect(status != Status::kOk, 0)) return status;
  if (__builtin_expect(!TypeMatches(copy.type, wanted), 0))
    return Status::kWrongType;
  *object = copy.object;
  return Status::kOk;
}

// Fast path of AnyValue, for callers that tail-call it if this fails. It knows
// a type by its descriptor's address only.
template <typename Table>
[[gnu::always_inline]] inline bool TryAnyValue(const Table& table,
                                               Handle handle,
                                               const haft_type* wanted,
                                               void** object) noexcept {
  AnyCopy copy;
  const bool is_live =
      table.TryReadUsage(handle, [&](const auto& usage) { copy.Read(usage); });
  if (!is_live || (wanted != nullptr && wanted != copy.type)) return false;
  *object = copy.object;
  return true;
}

// Fast path of AnyDelete up to the end of the handle; the caller then calls
// Dispose. As TryAnyValue.
template <typename Table>
[[gnu::always_inline]] inline bool TryAnyEnd(Table& table, Handle handle,
                                             const haft_type* wanted) noexcept {
  return table.TryEnd(handle, [wanted](const auto& usage) {
    if (wanted == nullptr) return true;
    AnyCopy copy;
    copy.Read(usage);
    return copy.type == wanted;
  });
}

[[gnu::always_inline]] inline Status AnyNew(AnyTable& table, void* object,
                                            const haft_type* type,
                                            AnyObject::Destroy destroy,
                                            void* context,
                                            haft_handle* handle) noexcept {
  const Handle created = table.Emplace(object, type, destroy, context);
  if (created == kNullHandle) return Status::kFull;
  *handle = static_cast<haft_handle>(created);
  return Status::kOk;
}

[[gnu::always_inline]] inline Status AnyPin(AnyTable& table, Handle handle,
                                            const haft_type* type,
                                            haft_pin* pin,
                                            void** object) noexcept {
  AnyTable::Pinned pinned = table.Pin(handle);
  if (!pinned) return pinned.status();
  if (!TypeMatches(pinned->type(), type)) return Status::kWrongType;
  *object = pinned->object();
  const PinWords words = pinned.Detach();
  static_assert(sizeof(words) == sizeof(*pin));
  // The words are copied one by one, because a copy of them all is a call of
  // memcpy, whose wide load waits for the narrow stores before it.
  *pin = {{words.words[0], words.words[1], words.words[2], words.words[3]}};
  return Status::kOk;
}

// Returns kOk if the type of a live handle matches `type`; else the status that
// its deletion returns.
[[gnu::always_inline]] inline Status AnyCheck(const AnyTable& table,
                                              Handle handle,
                                              const haft_type* type) noexcept {
  if (type == nullptr) return Status::kOk;
  void* object;
  return AnyValue(table, handle, type, &object);
}

template <typename F = DoNothing>
[[gnu::always_inline]] inline Status AnyDelete(AnyTable& table, Handle handle,
                                               const haft_type* type,
                                               F ended = {}) noexcept {
  const Status status = AnyCheck(table, handle, type);
  return status == Status::kOk ? table.Delete(handle, ended) : status;
}

template <typename F = DoNothing>
Status AnyDeleteUnlessPinned(AnyTable& table, Handle handle,
                             const haft_type* type, F ended = {}) noexcept {
  const Status status = AnyCheck(table, handle, type);
  return status == Status::kOk ? table.DeleteUnlessPinned(handle, ended)
                               : status;
}

template <typename F = DoNothing>
Status AnyDeleteAndWait(AnyTable& table, Handle handle, const haft_type* type,
                        std::uint64_t nanoseconds, F ended = {}) noexcept {
  const auto timeout = std::chrono::nanoseconds(std::min<std::uint64_t>(
      nanoseconds, std::chrono::nanoseconds::max().count()));
  const Status status = AnyCheck(table, handle, type);
  return status == Status::kOk ? table.DeleteAndWait(handle, timeout, ended)
                               : status;
}

// Ends a handle and gives its object back. `unwrap` returns the object as it
// was put in, which is InternTable::Forget if the object may be interned.
template <typename Unwrap, typename F = DoNothing>
Status AnyTake(AnyTable& table, Handle handle, const haft_type* type,
               Unwrap unwrap, TakenObject* taken, F ended = {}) noexcept {
  Status status = AnyCheck(table, handle, type);
  if (status != Status::kOk) return status;
  if (std::optional<AnyObject> any = table.Take(handle, &status, ended)) {
    AnyObject object = unwrap(*std::move(any));
    taken->destroy = object.destroy();
    taken->context = object.context();
    taken->object = object.Release();
  }
  return status;
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_PROCESS_ANY_TABLE_H_
