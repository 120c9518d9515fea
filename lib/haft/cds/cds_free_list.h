// The lock-free free list of libcds as the free list of a table. It needs the
// headers of libcds.

#ifndef HAFT_CDS_CDS_FREE_LIST_H_
#define HAFT_CDS_CDS_FREE_LIST_H_

#include <cds/intrusive/free_list.h>

#include <cstddef>
#include <cstdint>

#include "haft/handle.h"
#include "haft/internal/base/abi.h"
#include "haft/internal/base/reserved_array.h"
#include "haft/internal/free_list/free_list_concept.h"
#include "haft/internal/free_list/fresh_slots.h"

namespace haft {
inline namespace HAFT_ABI {

// One intrusive list for all threads. No handle is stranded in a cache, so a
// table has exactly as many slots as its capacity. The atomics of libcds do not
// go through Haft's seam (sync.h), so no model covers them. A put that leaves
// its node to a racing get hides the node until that get has finished, so New
// may report a full table while a Delete is still in progress.
class CdsFreeList {
 public:
  struct Cache {};

  static std::size_t SlotsFor(std::size_t capacity,
                              std::size_t /*limit*/) noexcept {
    return capacity;
  }

  CdsFreeList(std::size_t /*capacity*/, std::size_t range,
              internal::FreshSlots* fresh_slots) noexcept
      : nodes_(range), mask_(range - 1), fresh_slots_(fresh_slots) {}
  ~CdsFreeList() {
    list_.clear([](CdsList::node*) {});
  }

  bool ok() const noexcept { return nodes_.ok(); }

  template <typename Thread>
  Word Pop(Thread&) noexcept {
    if (const Word handle = TryPop()) return handle;
    if (const internal::HandleRun run = fresh_slots_->Take(1); run.count != 0)
      return run[0];
    return TryPop();
  }

  template <typename Thread>
  void Push(Thread&, Word handle) noexcept {
    Node& node = nodes_[handle >> 1 & mask_];
    node.handle = handle;
    list_.put(&node);
  }

  template <typename Thread, typename F>
  std::size_t TakeRecycled(Thread&, F&& f) noexcept {
    const Word handle = TryPop();
    if (handle == 0) return 0;
    f(handle);
    return 1;
  }
  // There are no slots beyond the capacity.
  static std::size_t MostInHand() noexcept { return 0; }

  // No thread may be inside a call, because libcds can visit the nodes of a
  // list only by emptying it.
  template <typename F>
  void ForEach(F&& f) const {
    ForEachNode([&](const Node& node) { f(node.handle); });
  }
  template <typename F>
  void Replace(F&& f) noexcept {
    ForEachNode([&](Node& node) { node.handle = f(node.handle); });
  }
  template <typename F>
  static void ForEachCached(const Cache&, unsigned, F&&) {}
  template <typename F>
  static void ReplaceCached(const Cache&, unsigned, F&&) noexcept {}

 private:
  using CdsList = cds::intrusive::FreeList;

  // Used all zero without construction, so that no node is touched before it is
  // used. The constructor of libcds would also make it all zero.
  struct Node : CdsList::node {
    Word handle;
    Node* seen_before;
  };

  template <typename F>
  void ForEachNode(F&& f) const {
    Node* seen = nullptr;
    list_.clear([&](CdsList::node* base) {
      Node* const node = static_cast<Node*>(base);
      f(*node);
      node->m_freeListRefs.store(
          0, std::memory_order_relaxed);  // get does this, clear does not
      node->seen_before = seen;
      seen = node;
    });
    while (seen != nullptr) {
      Node* const node = seen;
      seen = node->seen_before;
      list_.put(node);
    }
  }
  Word TryPop() noexcept {
    CdsList::node* const node = list_.get();
    return node == nullptr ? 0 : static_cast<Node*>(node)->handle;
  }

  mutable CdsList list_;
  mutable internal::ReservedArray<Node> nodes_;
  const Word mask_;
  internal::FreshSlots* const fresh_slots_;
};

static_assert(internal::kIsFreeList<CdsFreeList>);

}  // namespace HAFT_ABI
}  // namespace haft

#endif  // HAFT_CDS_CDS_FREE_LIST_H_
