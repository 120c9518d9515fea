// The table of the arm haft/magazine once more, for layout_place.cc.

#include "bench/arms/layout.h"

#include "bench/tables/haft_table.h"
#include "haft_study/arm.h"

namespace {

template <typename V>
using Magazine = haft::bench::HaftTable<haft::MagazineFreeList, V>;

HAFT_STUDY_ARM_OF(haft::study::LayoutName(), Magazine);

}  // namespace
