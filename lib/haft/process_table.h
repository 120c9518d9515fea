// The process-wide table for C++: a handle gives back an object of the type
// that it was created with.

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

// The declared name of a type, or null. It is for types that several shared
// libraries use, and that the dynamic linker cannot make one of; see TypeOf.
// The name is declared beside the type:
//
//   template <>
//   inline constexpr const char* haft::kTypeIdentity<Widget> =
//       "com.x.Widget/1";
//
// The number is the version of the type. It changes whenever the layout of the
// type or the meaning of what is in it changes, so that libraries of two
// versions refuse each other's objects.
template <typename T>
inline constexpr const char* kTypeIdentity = nullptr;

}  // namespace HAFT_ABI
}  // namespace haft

namespace haft::internal {
inline namespace HAFT_ABI {

// The name that the compiler has for a type.
template <typename T>
constexpr std::string_view PrettyName() noexcept {
  // "… [with T = Widget; std::string_view = …]" or "… [T = Widget]".
  const std::string_view text = __PRETTY_FUNCTION__;
  const std::size_t begin = text.find("T = ") + 4;
  const std::size_t semicolon = text.find("; std::string_view", begin);
  const std::size_t end = semicolon == text.npos ? text.rfind(']') : semicolon;
  return text.substr(begin, end - begin);
}

// The same as a null-terminated string.
template <typename T>
struct TypeName {
  static constexpr std::string_view kPretty = PrettyName<T>();
  static constexpr auto kText = [] {
    std::array<char, kPretty.size() + 1> text{};
    for (std::size_t i = 0; i < kPretty.size(); ++i) text[i] = kPretty[i];
    return text;
  }();
};

// The size and the alignment of a type; 0 and 0 if it has none, because it is
// incomplete, void or a function.
template <typename T, typename = void>
struct TypeLayout {
  static constexpr std::size_t kSize = 0;
  static constexpr std::size_t kAlignment = 0;
};
template <typename T>
struct TypeLayout<T, std::void_t<std::enable_if_t<std::is_object_v<T>>,
                                 decltype(sizeof(T))>> {
  static constexpr std::size_t kSize = sizeof(T);
  static constexpr std::size_t kAlignment = alignof(T);
};

// The descriptors of types are not const, because compilers and linkers may be
// told to make one of constants that are equal (-fmerge-all-constants,
// --icf=all).

// The descriptor of a type without a declared name. Linkage decides which types
// are one: the symbol is local if T has no linkage, and hidden if T is. Two
// global types of one name have two symbols if their layouts differ.
template <typename T, std::size_t kSize, std::size_t kAlignment>
struct TypeDescriptor {
  [[gnu::visibility("default")]] static inline haft_type type = {
      TypeName<T>::kText.data(), nullptr, nullptr, kSize, kAlignment};
};

// The descriptor of a type with a declared name, one in each shared library.
// The dynamic linker does not make one of them, because the names may differ.
template <typename T>
struct NamedTypeDescriptor {
  [[gnu::visibility("hidden")]] static inline haft_type type = {
      TypeName<T>::kText.data(), kTypeIdentity<T>, nullptr,
      TypeLayout<T>::kSize, TypeLayout<T>::kAlignment};
};

// Always inlined, as all functions below that depend on T. Otherwise a shared
// library might call another one's function for a type of the same name.
template <typename T>
[[gnu::always_inline]] constexpr const haft_type* DescriptorOf() noexcept {
  if constexpr (kTypeIdentity<T> != nullptr) {
    return &NamedTypeDescriptor<T>::type;
  } else {
    using Layout = TypeLayout<T>;
    return &TypeDescriptor<T, Layout::kSize, Layout::kAlignment>::type;
  }
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

namespace haft {
inline namespace HAFT_ABI {

// Returns the descriptor of a type for the C ABI; see haft_type. It is the same
// for T and `const T`. An object is found by exactly the type that it was
// created with, and not by a base class. Types are told apart without RTTI, and
// never by the name that the compiler has for them, which is for messages:
//
//   - Two types are one if linkage makes their descriptors one. A local class,
//     a lambda, or a type in an unnamed namespace is therefore never taken for
//     one of the same name elsewhere. Shared libraries agree about a type if
//     its visibility is default, and if they come from g++ or are loaded with
//     RTLD_GLOBAL or with the program. docs/embedding-cpp.md says more.
//   - If they cannot agree, the type is refused as another one. Then declare a
//     name for it (kTypeIdentity). Two types with declared names are one if the
//     names, the sizes and the alignments are equal.
//
// The type may be incomplete, because New tells how to destroy each object. But
// it should then be incomplete wherever its objects are created or looked up.
// If it is complete in some of these places only, it is refused there as
// another type, unless its name is declared.
template <typename T>
[[gnu::always_inline]] constexpr const haft_type* TypeOf() noexcept {
  return internal::DescriptorOf<std::remove_cv_t<T>>();
}

}  // namespace HAFT_ABI
}  // namespace haft

namespace haft::internal {
inline namespace HAFT_ABI {

// Stores a status if it is wanted.
inline void StoreStatus(Status* why, haft_status status) noexcept {
  if (why != nullptr) *why = static_cast<Status>(status);
}

template <typename T>
void* ToVoid(T* object) noexcept {
  return const_cast<std::remove_cv_t<T>*>(object);
}

// The line of a call, as in std::source_location. For diagnostics.
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
[[gnu::always_inline]] inline Handle New(T* object, void (*destroy)(void*),
                                         void* context, Status* why,
                                         SourceLine at) {
  haft_handle handle = 0;
  StoreStatus(
      why, haft_table_new_with_at(nullptr, ToVoid(object), TypeOf<T>(), destroy,
                                  context, &handle, at.file, at.line));
  return Handle(handle);
}

template <typename T>
void DeleteAs(void* object) {
  delete static_cast<T*>(object);
}

// Returns a handle of the object that `owner`, a smart pointer, points to.
// Unless it is kNullHandle, the owner has moved into the table.
template <typename Owner>
[[gnu::always_inline]] inline Handle NewOfOwner(Owner& owner, Status* why,
                                                SourceLine at) {
  std::unique_ptr<Owner> kept(new (std::nothrow) Owner(std::move(owner)));
  if (kept == nullptr) {
    StoreStatus(why, HAFT_OUT_OF_MEMORY);
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

// Destroys an object that was taken out of the table, as the table would have.
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

// Makes an object reachable through a new handle. An object that the table owns
// is destroyed by Delete, or by the last unpin. The handle itself is weak: it
// keeps nothing alive, and once it has been deleted, Value reports it as stale.
// An object that the table does not own must delete its handle before it is
// destroyed.
//
//   New(object)             owns a copy, or an object moved from `object`
//   New(std::move(unique))  owns the object of a unique_ptr, and its deleter
//   New(shared)             owns a share of a shared_ptr
//   New(&object)            owns nothing: the object must outlive the handle
//
//   Returns   a handle never returned before; kNullHandle if the table is full
//             or there is no memory. `*why` then says which, and nothing has
//             changed: a unique_ptr, whose deleter must be assignable, still
//             owns its object
//   Errors    what T's move constructor throws
//   Progress  lock-free, except for T's constructor and for allocation, which
//             &object and a unique_ptr with the default deleter need not
//   Source    NewHandle of Go issue 37033
template <typename T, typename Deleter>
[[nodiscard, gnu::always_inline]] inline Handle New(
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
[[nodiscard, gnu::always_inline]] inline Handle New(
    T* object, Status* why = nullptr,
    internal::SourceLine at = internal::SourceLine::Here()) noexcept {
  return internal::New(object, nullptr, nullptr, why, at);
}
template <typename T>
[[nodiscard, gnu::always_inline]] inline Handle New(
    std::shared_ptr<T> object, Status* why = nullptr,
    internal::SourceLine at = internal::SourceLine::Here()) {
  return internal::NewOfOwner(object, why, at);
}
template <typename T,
          typename = std::enable_if_t<!std::is_pointer_v<std::decay_t<T>>>>
[[nodiscard, gnu::always_inline]] inline Handle New(
    T&& object, Status* why = nullptr,
    internal::SourceLine at = internal::SourceLine::Here()) {
  using Object = std::decay_t<T>;
  std::unique_ptr<Object> owner(new (std::nothrow)
                                    Object(std::forward<T>(object)));
  if (owner == nullptr) {
    internal::StoreStatus(why, HAFT_OUT_OF_MEMORY);
    return kNullHandle;
  }
  return New(std::move(owner), why, at);
}

// Returns the object of `handle`, if it is a T. Nothing keeps it alive; take a
// Pin if another thread may delete it.
//   Returns   nullptr if the handle is not live, or its object is no T; `*why`
//             then says which
//   Progress  wait-free
//   Source    Handle.Value of Go issue 37033
template <typename T>
[[nodiscard, gnu::always_inline]] inline T* Value(
    Handle handle, Status* why = nullptr) noexcept {
  void* object = nullptr;
  internal::StoreStatus(
      why, haft_value(static_cast<haft_handle>(handle), TypeOf<T>(), &object));
  return static_cast<T*>(object);
}

// A pin: keeps an object alive for as long as it lasts. It may be moved, to
// another thread too.
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

  // Returns kOk while it holds an object; otherwise why it does not.
  Status status() const noexcept { return status_; }
  explicit operator bool() const noexcept { return status_ == Status::kOk; }

  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }
  T* get() const noexcept { return object_; }

  // Returns the pin for C to keep. From here on, haft_unpin ends it.
  haft_pin Detach() noexcept {
    object_ = nullptr;
    status_ = Status::kNull;
    return std::exchange(pin_, haft_pin{});
  }

 private:
  template <typename U>
  friend Pinned<U> Pin(Handle handle) noexcept;
  [[gnu::always_inline]] explicit Pinned(Handle handle) noexcept {
    void* object = nullptr;
    status_ = static_cast<Status>(haft_pin_object(
        static_cast<haft_handle>(handle), TypeOf<T>(), &pin_, &object));
    object_ = static_cast<T*>(object);
  }

  haft_pin pin_{};
  T* object_;
  Status status_;
};

// Returns a pin of the object of `handle`, if it is a T; see haft_pin_object.
template <typename T>
[[nodiscard, gnu::always_inline]] inline Pinned<T> Pin(Handle handle) noexcept {
  return Pinned<T>(handle);
}

// Returns kOk, or why `handle` is refused. Check<T> may return kWrongType.
//   Progress  wait-free
[[nodiscard]] inline Status Check(Handle handle) noexcept {
  return static_cast<Status>(haft_check(static_cast<haft_handle>(handle)));
}
template <typename T>
[[nodiscard, gnu::always_inline]] inline Status Check(Handle handle) noexcept {
  Status status;
  (void)Value<T>(handle, &status);
  return status;
}

// Ends `handle`, of any type; see haft_delete.
//   Returns   kOk, once for each handle; otherwise why it is refused
//   Source    Handle.Delete of Go issue 37033
inline Status Delete(Handle handle,
                     internal::SourceLine at = internal::SourceLine::Here()) {
  return internal::Delete(handle, nullptr, at);
}
// Ends `handle`, if its object is a T.
template <typename T>
[[gnu::always_inline]] inline Status Delete(
    Handle handle, internal::SourceLine at = internal::SourceLine::Here()) {
  return internal::Delete(handle, TypeOf<T>(), at);
}
// Ends `handle`, of any type, unless it is pinned; see
// haft_delete_unless_pinned.
inline Status DeleteUnlessPinned(Handle handle) {
  return static_cast<Status>(
      haft_delete_unless_pinned(static_cast<haft_handle>(handle), nullptr));
}
// Ends `handle`, of any type, and waits until its object is destroyed; see
// haft_delete_and_wait.
inline Status DeleteAndWait(Handle handle, std::chrono::nanoseconds timeout) {
  return static_cast<Status>(haft_delete_and_wait(
      static_cast<haft_handle>(handle), nullptr,
      timeout.count() < 0 ? 0 : static_cast<std::uint64_t>(timeout.count())));
}

// An object that was taken out of the table, owned as it was there: it is
// deleted if New got the object itself or a unique_ptr, a share ends if New got
// a shared_ptr, and nothing is destroyed if New got &object.
template <typename T>
using Taken = std::unique_ptr<T, internal::Destroyer>;

// Ends `handle`, if its object is a T and not pinned, and gives the object
// back. New accepts the result.
//   Returns   nullptr if the handle has not ended; `*why` then says why
//   Progress  lock-free
template <typename T>
[[nodiscard, gnu::always_inline]] inline Taken<T> Take(Handle handle,
                                                       Status* why = nullptr) {
  void* object = nullptr;
  void (*destroy)(void*) = nullptr;
  void* context = nullptr;
  internal::StoreStatus(
      why, haft_take_owned(static_cast<haft_handle>(handle), TypeOf<T>(),
                           &object, &destroy, &context));
  const internal::Destroyer destroyer(destroy, context);
  // New may have got a null pointer with an owner, which a null Taken would not
  // destroy.
  if (object == nullptr) destroyer(object);
  return Taken<T>(static_cast<T*>(object), destroyer);
}

// For callers that know that their handle is live. If it is not, these
// functions report all that is known about it on stderr and abort.
template <typename T>
[[nodiscard, gnu::always_inline]] inline T& MustValue(Handle handle) noexcept {
  return *static_cast<T*>(
      haft_must_value(static_cast<haft_handle>(handle), TypeOf<T>()));
}
inline void MustDelete(Handle handle) {
  haft_must_delete(static_cast<haft_handle>(handle), nullptr);
}

// Returns the handle of `object` as a T: the one it has, or a new one. The
// table owns nothing, as with New(&object); see haft_intern.
//   Returns   the handle, which must be released once more; kNullHandle for
//             nullptr, or if the table is full or there is no memory. `*why`
//             then says which, and nothing has changed
//   Progress  blocking; not in signal handlers
//   Source    the second behaviour that Go issue 37033 discusses
template <typename T>
[[nodiscard, gnu::always_inline]] inline Handle Intern(
    T* object, Status* why = nullptr) noexcept {
  haft_handle handle = 0;
  internal::StoreStatus(
      why, haft_intern_with(internal::ToVoid(object), TypeOf<T>(), nullptr,
                            nullptr, &handle));
  return Handle(handle);
}

// Takes back one Intern. The last one ends the handle; see haft_release.
//   Returns   kOk; kInvalid if a live handle was not interned; otherwise why it
//             is refused
inline Status Release(Handle handle) {
  return static_cast<Status>(haft_release(static_cast<haft_handle>(handle)));
}

// Its destructor deletes the handles that were added to it, newest first,
// except those that have escaped. Only one thread at a time may use a scope.
class HandleScope {
 public:
  HandleScope() noexcept { (void)haft_scope_open(nullptr, &scope_); }
  ~HandleScope() { haft_scope_close(scope_); }
  HandleScope(const HandleScope&) = delete;
  HandleScope& operator=(const HandleScope&) = delete;

  // As haft::New, and adds the handle to the scope. If there is no memory for
  // that, `object` stays the caller's.
  template <typename T>
  [[nodiscard, gnu::always_inline]] Handle New(
      T&& object, Status* why = nullptr,
      internal::SourceLine at = internal::SourceLine::Here()) {
    // Before the table takes the object, because a caller that gets no handle
    // still owns it.
    if (haft_scope_reserve(scope_) != HAFT_OK) {
      internal::StoreStatus(why, HAFT_OUT_OF_MEMORY);
      return kNullHandle;
    }
    const Handle handle = haft::New(std::forward<T>(object), why, at);
    if (handle != kNullHandle) (void)Add(handle);
    return handle;
  }

  // Adds a handle.
  //   Returns   false if there is no memory for that
  bool Add(Handle handle) noexcept {
    return haft_scope_add(scope_, static_cast<haft_handle>(handle)) == HAFT_OK;
  }

  // Takes a handle out and, if `outer` is not null, adds it to `outer`.
  //   Returns   kOk; kNeverIssued if the handle is not in this scope;
  //             kOutOfMemory, and it still is; kInvalid if there was no memory
  //             for this scope itself
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
