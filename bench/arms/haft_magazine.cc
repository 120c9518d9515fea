// HandleTable with the default free list, whose magazines have 128 handles.

#include "bench/tables/haft_table.h"
#include "haft_study/arm.h"

namespace {

template <typename V>
using Magazine = haft::bench::HaftTable<haft::MagazineFreeList, V>;

HAFT_STUDY_ARM_OF("haft/magazine", Magazine);

}  // namespace
