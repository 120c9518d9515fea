// The process's one table for C++: objects of any type in, the same type out.

#ifndef HAFT_PROCESS_TABLE_H_
#define HAFT_PROCESS_TABLE_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "haft/haft.h"
#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/status.h"

namespace haft {
inline namespace HAFT_ABI {

// Types are told apart without RTTI, by the name that the compiler has for
// them; a type without a name of its own (in an unnamed namespace, a lambda) by
// the address of its descriptor. So the shared libraries of a process agree, if
// one compiler built them. Where several did, say so in each of them:
//
//   template <>
//   inline constexpr const char* haft::kTypeIdentity<Widget> = "com.x.Widget";
//
// Objects are found by exactly the type they were put in by: not by that of a
// base class.
template <typename T>
inline constexpr const char* kTypeIdentity = nullptr;

}  // namespace HAFT_ABI
}  // namespace haft

namespace haft::internal {
inline namespace HAFT_ABI {

template <typename T>
constexpr std::string_view PrettyName() noexcept {
  // "… [with T = Widget; std::string_view = …]" or "… [T = Widget]".
  const std::string_view text = __PRETTY_FUNCTION__;
  const std::size_t begin = text.find("T = ") + 4;
  const std::size_t semicolon = text.find("; std::string_view", begin);
  const std::size_t end = semicolon == text.npos ? text.rfind(']') : semicolon;
  return text.substr(begin, end - begin);
}

template <typename T>
struct TypeDescriptor {
  static constexpr std::string_view kPretty = PrettyName<T>();
  static constexpr auto kName = [] {
    std::array<char, kPretty.size() + 1> name{};
    for (std::size_t i = 0; i < kPretty.size(); ++i) name[i] = kPretty[i];
    return name;
  }();
  static constexpr bool kHasOwnName =
      kPretty.find("{anonymous}") == kPretty.npos &&
      kPretty.find("(anonymous") == kPretty.npos &&
      kPretty.find("<unnamed") == kPretty.npos &&
      kPretty.find("<lambda") == kPretty.npos &&
      kPretty.find("(lambda") == kPretty.npos;
  static constexpr const char* kIdentity = kTypeIdentity<T> != nullptr
                                               ? kTypeIdentity<T>
                                           : kHasOwnName ? kName.data()
                                                         : nullptr;

  static constexpr haft_type kType = {kName.data(), kIdentity, nullptr};
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

namespace haft {
inline namespace HAFT_ABI {

// The C ABI's descriptor of a type, which may be incomplete: how objects are
// destroyed is not in it, but said of each by New.
template <typename T>
constexpr const haft_type* TypeOf() noexcept {
  return &internal::TypeDescriptor<std::remove_cv_t<T>>::kType;
}

}  // namespace HAFT_ABI
}  // namespace haft

namespace haft::internal {
inline namespace HAFT_ABI {

inline void Tell(Status* why, haft_status status) noexcept {
  if (why != nullptr) *why = static_cast<Status>(status);
}

template <typename T>
void* ToVoid(T* object) noexcept {
  return const_cast<std::remove_cv_t<T>*>(object);
}

// Where a call is made, as std::source_location; for diagnostics.
struct SourceLine {
  const char* file;
  unsigned line;
  static constexpr SourceLine Here(const char* in = __builtin_FILE(),
                                   unsigned at = __builtin_LINE()) noexcept {
    return {in, at};
  }
};

inline Status Delete(Handle handle, const haft_type* type, SourceLine at) {
  return static_cast<Status>(haft_table_delete_at(
      nullptr, static_cast<haft_handle>(handle), type, at.file, at.line));
}

template <typename T>
Handle New(T* object, void (*destroy)(void*), void* context, Status* why,
           SourceLine at) {
  haft_handle handle = 0;
  Tell(why,
       haft_table_new_with_at(nullptr, ToVoid(object), TypeOf<T>(), destroy,
                              context, &handle, at.file, at.line));
  return Handle(handle);
}

template <typename T>
void DeleteAs(void* object) {
  delete static_cast<T*>(object);
}

// A handle of what `owner`, a smart pointer, points to. If it is not
// kNullHandle the owner has moved into the table.
template <typename Owner>
Handle NewOfOwner(Owner& owner, Status* why, SourceLine at) {
  std::unique_ptr<Owner> kept(new (std::nothrow) Owner(std::move(owner)));
  if (kept == nullptr) {
    Tell(why, HAFT_OUT_OF_MEMORY);
    return kNullHandle;
  }
  const Handle handle = New(kept->get(), &DeleteAs<Owner>, kept.get(), why, at);
  if (handle == kNullHandle) {
    owner = std::move(*kept);
  } else {
    (void)kept.release();
  }
  return handle;
}

// What was to destroy an object before it was taken out of the table.
class Destroyer {
 public:
  Destroyer() noexcept = default;
  Destroyer(void (*destroy)(void*), void* context) noexcept
      : destroy_(destroy), context_(context) {}
  void operator()(const void*) const {
    if (destroy_ != nullptr) destroy_(context_);
  }

 private:
  void (*destroy_)(void*) = nullptr;
  void* context_ = nullptr;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

namespace haft {
inline namespace HAFT_ABI {

// Makes an object reachable through a new handle. What is owned is destroyed by
// Delete, or by the last unpin. The handle itself is weak: it keeps nothing
// alive, and once its object is gone, Value says that it is stale. An object
// that others own has to end its handle when it goes.
//
//   New(object)             owns a copy, or what is moved into it
//   New(std::move(unique))  owns what a unique_ptr owned, and its deleter
//   New(shared)             shares what a shared_ptr shares
//   New(&object)            owns nothing: the object must outlive the handle
//
//   Returns   a handle never returned before; kNullHandle when the table is
//             full or there is no memory. `*why` then says which, and nothing
//             has changed: a unique_ptr, whose deleter must be assignable,
//             still owns its object
//   Errors    what T's move constructor throws
//   Progress  lock-free, but for allocation (&object and a unique_ptr without a
//             deleter of its own do without) and T's constructor
//   Source    NewHandle of Go issue 37033
template <typename T, typename Deleter>
[[nodiscard]] Handle New(
    std::unique_ptr<T, Deleter>&& object, Status* why = nullptr,
    internal::SourceLine at = internal::SourceLine::Here()) {
  if constexpr (!std::is_same_v<Deleter, std::default_delete<T>> ||
                std::is_array_v<T>) {
    return internal::NewOfOwner(object, why, at);
  } else {
    const Handle handle =
        internal::New(object.get(), &internal::DeleteAs<T>,
                      internal::ToVoid(object.get()), why, at);
    if (handle != kNullHandle) (void)object.release();
    return handle;
  }
}
template <typename T>
[[nodiscard]] Handle New(
    T* object, Status* why = nullptr,
    internal::SourceLine at = internal::SourceLine::Here()) noexcept {
  return internal::New(object, nullptr, nullptr, why, at);
}
template <typename T>
[[nodiscard]] Handle New(
    std::shared_ptr<T> object, Status* why = nullptr,
    internal::SourceLine at = internal::SourceLine::Here()) {
  return internal::NewOfOwner(object, why, at);
}
template <typename T,
          typename = std::enable_if_t<!std::is_pointer_v<std::decay_t<T>>>>
[[nodiscard]] Handle New(
    T&& object, Status* why = nullptr,
    internal::SourceLine at = internal::SourceLine::Here()) {
  using Object = std::decay_t<T>;
  std::unique_ptr<Object> owner(new (std::nothrow)
                                    Object(std::forward<T>(object)));
  if (owner == nullptr) {
    internal::Tell(why, HAFT_OUT_OF_MEMORY);
    return kNullHandle;
  }
  return New(std::move(owner), why, at);
}

// The object of `handle`, if it is a T. Nothing keeps it alive: where another
// thread may delete it, take a Pin.
//   Returns   nullptr when it is not live, or no T; `*why` then says which
//   Progress  wait-free
//   Source    Handle.Value of Go issue 37033
template <typename T>
[[nodiscard]] T* Value(Handle handle, Status* why = nullptr) noexcept {
  void* object = nullptr;
  internal::Tell(
      why, haft_value(static_cast<haft_handle>(handle), TypeOf<T>(), &object));
  return static_cast<T*>(object);
}

// Keeps an object alive for as long as it lasts. May be moved, to another
// thread too.
template <typename T>
class Pinned {
 public:
  Pinned(Pinned&& other) noexcept
      : pin_(std::exchange(other.pin_, haft_pin{})),
        object_(std::exchange(other.object_, nullptr)),
        status_(std::exchange(other.status_, Status::kNull)) {}
  Pinned& operator=(Pinned&& other) noexcept {
    if (this != &other) {
      haft_unpin(&pin_);
      pin_ = std::exchange(other.pin_, haft_pin{});
      object_ = std::exchange(other.object_, nullptr);
      status_ = std::exchange(other.status_, Status::kNull);
    }
    return *this;
  }
  ~Pinned() { haft_unpin(&pin_); }

  // kOk while it holds an object, else why it does not.
  Status status() const noexcept { return status_; }
  explicit operator bool() const noexcept { return status_ == Status::kOk; }

  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }
  T* get() const noexcept { return object_; }

  // The pin for C to keep; from here on haft_unpin lets go of it.
  haft_pin Detach() noexcept {
    object_ = nullptr;
    status_ = Status::kNull;
    return std::exchange(pin_, haft_pin{});
  }

 private:
  template <typename U>
  friend Pinned<U> Pin(Handle handle) noexcept;
  explicit Pinned(Handle handle) noexcept {
    void* object = nullptr;
    status_ = static_cast<Status>(haft_pin_object(
        static_cast<haft_handle>(handle), TypeOf<T>(), &pin_, &object));
    object_ = static_cast<T*>(object);
  }

  haft_pin pin_{};
  T* object_;
  Status status_;
};

// A pin of the object of `handle`, if it is a T; see haft_pin_object.
template <typename T>
[[nodiscard]] Pinned<T> Pin(Handle handle) noexcept {
  return Pinned<T>(handle);
}

// Why `handle` is refused, or kOk; for Check<T>, kWrongType among the reasons.
//   Progress  wait-free
[[nodiscard]] inline Status Check(Handle handle) noexcept {
  return static_cast<Status>(haft_check(static_cast<haft_handle>(handle)));
}
template <typename T>
[[nodiscard]] Status Check(Handle handle) noexcept {
  Status status;
  (void)Value<T>(handle, &status);
  return status;
}

// Ends `handle`, of any type; see haft_delete.
//   Returns   kOk, once for each handle; else why it is refused
//   Source    Handle.Delete of Go issue 37033
inline Status Delete(Handle handle,
                     internal::SourceLine at = internal::SourceLine::Here()) {
  return internal::Delete(handle, nullptr, at);
}
// The same if it is a T.
template <typename T>
Status Delete(Handle handle,
              internal::SourceLine at = internal::SourceLine::Here()) {
  return internal::Delete(handle, TypeOf<T>(), at);
}
inline Status DeleteUnlessPinned(Handle handle) {
  return static_cast<Status>(
      haft_delete_unless_pinned(static_cast<haft_handle>(handle), nullptr));
}
inline Status DeleteAndWait(Handle handle, std::chrono::nanoseconds timeout) {
  return static_cast<Status>(haft_delete_and_wait(
      static_cast<haft_handle>(handle), nullptr,
      timeout.count() < 0 ? 0 : static_cast<std::uint64_t>(timeout.count())));
}

// An object that was in the table, owned as it was there: what New was given
// itself or as a unique_ptr is deleted with it, a shared_ptr lets go of its
// share, and of &object there is nothing to be destroyed.
template <typename T>
using Taken = std::unique_ptr<T, internal::Destroyer>;

// Ends `handle`, if it is a T and not pinned, and gives the object back. New
// takes it again.
//   Returns   nullptr when it has not; `*why` then says why
//   Progress  lock-free
template <typename T>
[[nodiscard]] Taken<T> Take(Handle handle, Status* why = nullptr) {
  void* object = nullptr;
  void (*destroy)(void*) = nullptr;
  void* context = nullptr;
  internal::Tell(why,
                 haft_take_owned(static_cast<haft_handle>(handle), TypeOf<T>(),
                                 &object, &destroy, &context));
  const internal::Destroyer destroyer(destroy, context);
  // A null pointer that was put in may have an owner, a unique_ptr has none.
  if (object == nullptr) destroyer(object);
  return Taken<T>(static_cast<T*>(object), destroyer);
}

// For callers that hold a handle they know is live: otherwise they report all
// that is known about it on stderr and abort.
template <typename T>
[[nodiscard]] T& MustValue(Handle handle) noexcept {
  return *static_cast<T*>(
      haft_must_value(static_cast<haft_handle>(handle), TypeOf<T>()));
}
inline void MustDelete(Handle handle) {
  haft_must_delete(static_cast<haft_handle>(handle), nullptr);
}

// The handle of `object` as T: the one it has, or a new one. Owns nothing, as
// New(&object); see haft_intern.
//   Returns   the handle, to be released once more; kNullHandle for nullptr,
//             when the table is full or there is no memory. `*why` then says
//             which, and nothing has changed
//   Progress  blocking; not in signal handlers
//   Source    the second behaviour that Go issue 37033 discusses
template <typename T>
[[nodiscard]] Handle Intern(T* object, Status* why = nullptr) noexcept {
  haft_handle handle = 0;
  internal::Tell(why, haft_intern_with(internal::ToVoid(object), TypeOf<T>(),
                                       nullptr, nullptr, &handle));
  return Handle(handle);
}

// Takes back one Intern; the last of them ends the handle. See haft_release.
//   Returns   kOk; kInvalid where a live handle was not interned; else why it
//             is refused
inline Status Release(Handle handle) {
  return static_cast<Status>(haft_release(static_cast<haft_handle>(handle)));
}

// Deletes the handles that are put into it when it ends, the last first, but
// those that have escaped: as a local frame of JNI does. For one thread at a
// time.
class HandleScope {
 public:
  HandleScope() noexcept { (void)haft_scope_open(nullptr, &scope_); }
  ~HandleScope() { haft_scope_close(scope_); }
  HandleScope(const HandleScope&) = delete;
  HandleScope& operator=(const HandleScope&) = delete;

  // As haft::New, into this scope.
  template <typename T>
  [[nodiscard]] Handle New(
      T&& object, Status* why = nullptr,
      internal::SourceLine at = internal::SourceLine::Here()) {
    const Handle handle = haft::New(std::forward<T>(object), why, at);
    if (handle == kNullHandle || Add(handle)) return handle;
    internal::Tell(why, HAFT_OUT_OF_MEMORY);
    (void)Delete(handle);
    return kNullHandle;
  }

  // Puts a handle into it.
  //   Returns   false when there is no memory for that
  bool Add(Handle handle) noexcept {
    return haft_scope_add(scope_, static_cast<haft_handle>(handle)) == HAFT_OK;
  }

  // Takes a handle out, into `outer` if given.
  //   Returns   kOk; kNeverIssued: it was not in it; kOutOfMemory: it still is;
  //             kInvalid when there was no memory for the scope itself
  Status Escape(Handle handle, HandleScope* outer = nullptr) noexcept {
    return static_cast<Status>(
        haft_scope_escape(scope_, static_cast<haft_handle>(handle),
                          outer == nullptr ? nullptr : outer->scope_));
  }

 private:
  haft_scope* scope_ = nullptr;
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_PROCESS_TABLE_H_
