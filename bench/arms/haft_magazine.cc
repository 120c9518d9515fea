// HandleTable with the default free list.

#include "bench/tables/haft_table.h"
#include "haft_study/arm.h"

namespace {

template <typename V>
struct Magazine : haft::bench::HaftTable<haft::MagazineFreeList, V> {
  static constexpr const char* kVersion = "0.1.0";
  static constexpr const char* kProgress = "lock-free";
  using haft::bench::HaftTable<haft::MagazineFreeList, V>::HaftTable;
};

HAFT_STUDY_ARM_OF("haft/magazine", Magazine);

}  // namespace
