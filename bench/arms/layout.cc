// The arm haft/magazine once more, with its functions at another place in the
// lines of the code (HAFT_LAYOUT; see BUILD.bazel).

#include "bench/tables/haft_table.h"
#include "haft_study/arm.h"

namespace {

HAFT_STUDY_ARM(HAFT_LAYOUT,
               haft::bench::HaftTable<haft::MagazineFreeList, Value>);

}  // namespace
