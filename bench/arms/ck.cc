// Slots whose free list is a structure of Concurrency Kit. Each New and each
// Delete has one call that is not inlined, because its headers are C.

#include "haft_study/arm.h"

#if __has_include(<ck_stack.h>)

#include <ck_md.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "bench/arms/ck_free_lists.h"
#include "bench/arms/slot_table.h"

namespace {

template <typename List, List* (*kCreate)(std::size_t), void (*kDestroy)(List*),
          void (*kPush)(List*, std::uint32_t),
          int (*kPop)(List*, std::uint32_t*)>
class FreeList {
 public:
  explicit FreeList(std::size_t capacity) : list_(kCreate(capacity)) {
    if (list_ == nullptr) throw std::bad_alloc();
  }
  ~FreeList() { kDestroy(list_); }
  FreeList(const FreeList&) = delete;
  FreeList& operator=(const FreeList&) = delete;

  bool Pop(std::uint32_t* index) { return kPop(list_, index) != 0; }
  void Push(std::uint32_t index) { kPush(list_, index); }

 private:
  List* const list_;
};

using Stack =
    FreeList<ck_free_stack, ck_free_stack_create, ck_free_stack_destroy,
             ck_free_stack_push, ck_free_stack_pop>;
using Ring = FreeList<ck_free_ring, ck_free_ring_create, ck_free_ring_destroy,
                      ck_free_ring_push, ck_free_ring_pop>;

template <typename FreeList>
struct Slots : haft::study::SlotTable<FreeList> {
  using haft::study::SlotTable<FreeList>::SlotTable;
  static constexpr const char* kVersion = CK_VERSION;
};

HAFT_STUDY_ARM("ck/stack", Slots<Stack>);
HAFT_STUDY_ARM("ck/ring", Slots<Ring>);

}  // namespace

#else

HAFT_STUDY_UNAVAILABLE("ck/stack", "package libck-dev");
HAFT_STUDY_UNAVAILABLE("ck/ring", "package libck-dev");

#endif
