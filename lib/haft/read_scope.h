// A read scope of an ObjectTable: keeps alive all objects that are found in it.

#ifndef HAFT_READ_SCOPE_H_
#define HAFT_READ_SCOPE_H_

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/table/object_store.h"

namespace haft {
inline namespace HAFT_ABI {

template <typename T, typename Traits>
class ObjectTable;

// An object that is found in a scope stays alive until the scope ends, even if
// it is deleted meanwhile. The whole scope costs one publication, so a look-up
// in it costs little more than an unprotected one. Scopes are for loops that
// touch many handles.
//
// In return, no object that the scope's thread has ever used and that is
// deleted after the scope began is destroyed before the scope ends. Keep scopes
// short.
//
// A scope belongs to the thread that makes it. Scopes may nest.
template <typename T, typename Traits>
class ReadScope {
  using Store = internal::ObjectStore<T, Traits>;
  using Reclamation = typename Store::Reclamation;

 public:
  explicit ReadScope(ObjectTable<T, Traits>& table) noexcept
      : store_(table.store_), scope_(store_.reclamation().NewScope()) {}
  ~ReadScope() {
    // A reclamation ends only scopes that are ok().
    if (scope_.ok() && store_.reclamation().End(scope_))
      store_.RetryDeferred(scope_.holder());
  }
  ReadScope(const ReadScope&) = delete;
  ReadScope& operator=(const ReadScope&) = delete;

  // Whether the scope protects anything. It does not if more than 32,768
  // threads (4,096 where words have 32 bits) use tables at the same time. Find
  // then finds nothing.
  bool ok() const noexcept { return scope_.ok(); }

  // Returns the object of `handle`, which stays alive until the scope ends;
  // nullptr if the handle is not live.
  //   Progress  lock-free; wait-free unless a DeleteUnlessPinned or a Take of
  //             this handle is under way; async-signal-safe
  //   Cost      three loads; a thread's first use of an object is one
  //             read-modify-write of the object's line as well
  //   Ordering  what precedes the New of this handle happens before what
  //   follows
  T* Find(Handle handle) const noexcept {
    const Word word = static_cast<Word>(handle);
    typename Store::Slot& slot = store_[word];
    const Word slots = store_.slots();
    if (!slot.MayBeLive(word, slots) || !ok()) return nullptr;
    Reclamation::Use(scope_, slot);
    return slot.Validate(word, slots) ? slot.object() : nullptr;
  }

 private:
  Store& store_;
  const typename Reclamation::Scope scope_;
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_READ_SCOPE_H_
