// libcds's dynamic hazard pointers as the pins of an object table. Needs
// libcds.

#ifndef HAFT_CDS_CDS_RECLAMATION_H_
#define HAFT_CDS_CDS_RECLAMATION_H_

#include <cds/gc/dhp.h>
#include <cds/init.h>

#include <cstddef>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/sync.h"
#include "haft/internal/thread/thread_registry.h"

namespace haft {
inline namespace HAFT_ABI {

// Not exact: a deleted object waits in a list of the deleting thread, and is
// destroyed when that thread has deleted enough others, or ends, or the table
// does. Pins belong to the thread that took them and must not outlive the
// table. Callers need not know about libcds: a thread is attached when it first
// pins or deletes, and detached when it ends.
//
// libcds's atomics are not behind Haft's seam, so no model covers them; it
// allocates, so neither Pin nor Delete is async-signal-safe. For the members
// see HazardReclamation.
class CdsReclamation {
 public:
  // While an object is on libcds's list: whose it is, and its handle.
  struct Usage {
    template <typename T>
    void BeginLife(const T&) noexcept {}
    void EndLife() noexcept {}
    internal::sync::Atomic<void*> owner;
    Word retired;
  };

  static constexpr bool kIsExact = false;

  using Hold = cds::gc::dhp::guard;

  CdsReclamation() noexcept {
    hook_.Prepare(&Detach);
    // For as long as the process lasts: threads may end after all tables.
    [[maybe_unused]] static const bool initialized = [] {
      cds::Initialize();
      if (!cds::gc::DHP::isUsed()) cds::gc::dhp::smr::construct();
      return true;
    }();
  }

  bool ok() const noexcept { return true; }
  void Leak() noexcept {}

  template <typename Slot>
  static Hold* Protect(Slot& slot, Word) noexcept {
    if (!Attach()) return nullptr;
    Hold* hold = nullptr;
    Try([&] {
      cds::gc::DHP::Guard guard;
      guard.assign(&slot);
      hold = guard.release();
    });
    return hold;
  }

  static void Release(Hold* guard) noexcept {
    cds::gc::dhp::smr::tls()->hazards_.free(guard);
  }

  // Leaves the object of an ended handle to libcds, which calls
  // owner->OnUnused(handle) on some thread when nothing uses the slot any more;
  // or never, if it has no memory to remember it: see Reclaim.
  template <typename Slot, typename Owner>
  static void Retire(Slot& slot, Word handle, Owner* owner) noexcept {
    slot.usage().retired = handle;
    // [C4] release: `retired`; partner of [C5].
    slot.usage().owner.store(owner, std::memory_order_release);
    if (!Attach()) return;
    Try([&] {
      cds::gc::DHP::retire(
          &slot, +[](void* pointer) {
            Slot& unused = *static_cast<Slot*>(pointer);
            if (void* const claimed = TakeOwner(unused))
              static_cast<Owner*>(claimed)->OnUnused(unused.usage().retired);
          });
    });
  }

  // Takes a retired slot back from libcds, whose list keeps pointing to it: the
  // slot must stay mapped.
  //   Returns   whether it was there; else OnUnused is called for it about now
  template <typename Slot>
  static bool Reclaim(Slot& slot) noexcept {
    return TakeOwner(slot) != nullptr;
  }

  // Has libcds look through the calling thread's list.
  static void Scan() noexcept {
    if (Attach()) Try([] { cds::gc::DHP::force_dispose(); });
  }

 private:
  template <typename Slot>
  static void* TakeOwner(Slot& slot) noexcept {
    // [C5] acquire: partner of [C4]. A read-modify-write, so that only one
    // takes it.
    return slot.usage().owner.exchange(nullptr, std::memory_order_acquire);
  }

  // Sees that libcds knows the calling thread.
  //   Returns   whether it does: false when there is no memory
  static bool Attach() noexcept {
    internal::sync::ThreadState& thread = internal::sync::ThisThread();
    // relaxed, all here: only this thread writes its own address.
    const unsigned index = thread.index.load(std::memory_order_relaxed);
    if (index != 0 &&
        attached_[index].load(std::memory_order_relaxed) == &thread)
      return true;
    return AttachAnew();
  }
  [[gnu::cold, gnu::noinline]] static bool AttachAnew() noexcept {
    internal::ThreadRegistry::Claim();
    internal::sync::ThreadState& thread = internal::sync::ThisThread();
    // Index 0, of all who have none, never counts as attached.
    const unsigned index = thread.index.load(std::memory_order_relaxed);
    if (!hook_.Arm(&attached_[index]) ||
        !Try([] { cds::gc::dhp::smr::attach_thread(); }))
      return false;
    if (index != 0) attached_[index].store(&thread, std::memory_order_relaxed);
    return true;
  }

  // The thread may have lost its index before, and another may have it.
  static void Detach(void* cookie) noexcept {
    internal::sync::ThreadState* self = &internal::sync::ThisThread();
    static_cast<Attached*>(cookie)->compare_exchange_strong(
        self, nullptr, std::memory_order_relaxed, std::memory_order_relaxed);
    Try([] { cds::gc::dhp::smr::detach_thread(); });
  }

  // Whether f(), of libcds, has had the memory it needs.
  template <typename F>
  static bool Try(F&& f) noexcept {
#ifdef __cpp_exceptions
    try {
      f();
    } catch (...) {
      return false;
    }
#else
    f();
#endif
    return true;
  }

  using Attached = internal::sync::Atomic<internal::sync::ThreadState*>;
  [[gnu::visibility(
      "default")]] static inline internal::sync::ThreadExitHook hook_;
  [[gnu::visibility("default")]] static inline Attached
      attached_[internal::sync::kMaxThreads + 1];
};

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_CDS_CDS_RECLAMATION_H_
