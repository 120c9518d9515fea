// HandleTable with the free lists that keep nothing in threads.

#include "bench/tables/haft_table.h"
#include "haft/global_free_list.h"
#include "haft/striped_free_list.h"
#include "haft_study/arm.h"

namespace {

using haft::bench::HaftTable;

HAFT_STUDY_ARM("haft/global", HaftTable<haft::GlobalFreeList, Value>);
HAFT_STUDY_ARM("haft/striped", HaftTable<haft::StripedFreeList, Value>);

}  // namespace
