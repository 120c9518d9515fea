// A table of objects of any type: what the C ABI is made of.

#ifndef HAFT_INTERNAL_PROCESS_ANY_TABLE_H_
#define HAFT_INTERNAL_PROCESS_ANY_TABLE_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/hazard_reclamation.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"
#include "haft/object_table.h"
#include "haft/status.h"
#include "haft/traits.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// An object of some type, and how to destroy it.
class AnyObject {
 public:
  using Destroy = void (*)(void* context);

  // Destroy(context) is called once, by the destructor; nullptr: nothing is.
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

  // The object, which is not destroyed any more.
  void* Release() noexcept {
    destroy_ = nullptr;
    return object_;
  }

 private:
  void* const object_;
  const haft_type* const type_;
  Destroy destroy_;
  void* const context_;
};

// What is left to whoever takes an object out of its table.
struct TakenObject {
  void* object;
  AnyObject::Destroy destroy;
  void* context;
};

// Whether `actual` will do where `wanted` (nullptr: any) is asked for.
inline bool IsType(const haft_type* actual, const haft_type* wanted) noexcept {
  return wanted == nullptr || wanted == actual ||
         (wanted->identity != nullptr && actual->identity != nullptr &&
          std::strcmp(wanted->identity, actual->identity) == 0);
}

// Hazard records, and in each slot what Value needs: so that it takes no pin.
class AnyReclamation : public HazardReclamation {
 public:
  struct Usage : HazardReclamation::Usage {
    void BeginLife(const AnyObject& any) noexcept {
      HazardReclamation::Usage::BeginLife(any);
      // [A1] release, both: whoever reads them by [A2] then sees by its second
      // look at the state that an earlier handle has ended.
      object.store(any.object(), std::memory_order_release);
      type.store(const_cast<haft_type*>(any.type()), std::memory_order_release);
    }
    // Keeps LeakSanitizer from finding what is not in the table any more.
    void EndLife() noexcept {
      // As [A1]: who reads this by [A2] then sees that the handle has ended.
      object.store(nullptr, std::memory_order_release);
    }
    sync::Atomic<void*> object;
    sync::Atomic<haft_type*> type;  // never written to
  };
};

struct AnyTraits : DefaultTraits {
  using Reclamation = AnyReclamation;
};

// A table of such objects, with what the C ABI and the diagnostics need of its
// store.
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

  template <typename... Arguments>
  [[nodiscard, gnu::always_inline]] Handle TryEmplace(
      Arguments... arguments) noexcept {
    return this->store().TryEmplace(arguments...);
  }
  template <typename F>
  [[gnu::always_inline]] Status ReadUsage(Handle handle, F&& f) const noexcept {
    return this->store().ReadUsage(handle, f);
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

 protected:
  using typename Base::Unchecked;
  BasicAnyTable(std::size_t capacity, Unchecked unchecked) noexcept
      : Base(capacity, unchecked) {}

 private:
  friend std::unique_ptr<BasicAnyTable> internal::TableIfOk<BasicAnyTable>(
      BasicAnyTable*) noexcept;
};
using AnyTable = BasicAnyTable<AnyTraits>;

// The object of `handle`, if it is live and of type `wanted`. Inlined by force,
// so that what it is a part of needs no stack.
//   Progress  wait-free
template <typename Table>
[[gnu::always_inline]] inline Status AnyValue(const Table& table, Handle handle,
                                              const haft_type* wanted,
                                              void** object) noexcept {
  void* found = nullptr;
  const haft_type* type = nullptr;
  const Status status =
      table.ReadUsage(handle, [&](const AnyReclamation::Usage& usage) {
        // [A2] acquire, both: partner of [A1].
        found = usage.object.load(std::memory_order_acquire);
        type = usage.type.load(std::memory_order_acquire);
      });
  if (__builtin_expect(status != Status::kOk, 0)) return status;
  if (__builtin_expect(!IsType(type, wanted), 0)) return Status::kWrongType;
  *object = found;
  return Status::kOk;
}

// What the functions of haft.h do, apart from finding the table. Those that end
// a handle call ended() as ObjectTable::Delete does. The frequent ones are
// inlined by force, too.

[[gnu::always_inline]] inline Status AnyNew(AnyTable& table, void* object,
                                            const haft_type* type,
                                            AnyObject::Destroy destroy,
                                            void* context,
                                            haft_handle* handle) noexcept {
  const Handle made = table.Emplace(object, type, destroy, context);
  if (made == kNullHandle) return Status::kFull;
  *handle = static_cast<haft_handle>(made);
  return Status::kOk;
}

[[gnu::always_inline]] inline Status AnyPin(AnyTable& table, Handle handle,
                                            const haft_type* type,
                                            haft_pin* pin,
                                            void** object) noexcept {
  AnyTable::Pinned pinned = table.Pin(handle);
  if (!pinned) return pinned.status();
  if (!IsType(pinned->type(), type)) return Status::kWrongType;
  *object = pinned->object();
  const PinWords words = pinned.Detach();
  static_assert(sizeof(words) == sizeof(*pin));
  // By words: a copy of all at once is a call of memcpy, which waits for them.
  *pin = {{words.words[0], words.words[1], words.words[2], words.words[3]}};
  return Status::kOk;
}

// Whether a handle may be ended as one of `type` (nullptr: any), or why not.
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

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_PROCESS_ANY_TABLE_H_
