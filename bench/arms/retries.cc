// Haft's free lists and reclamations in a build that counts compare-and-swaps
// (counting_sync.h). What counts here is how often they fail; the times include
// the counting.

#include "bench/tables/haft_objects.h"
#include "bench/tables/haft_table.h"
#include "haft/counted_reclamation.h"
#include "haft/global_free_list.h"
#include "haft/striped_free_list.h"
#include "haft_study/arm.h"

namespace {

using haft::bench::HaftObjects;
using haft::bench::HaftTable;

HAFT_STUDY_ARM("retries/magazine", HaftTable<haft::MagazineFreeList, Value>);
HAFT_STUDY_ARM("retries/striped", HaftTable<haft::StripedFreeList, Value>);
HAFT_STUDY_ARM("retries/global", HaftTable<haft::GlobalFreeList, Value>);
HAFT_STUDY_ARM("retries/objects", HaftObjects<Value, haft::HazardReclamation>);
HAFT_STUDY_ARM("retries/objects-counted",
               HaftObjects<Value, haft::CountedReclamation>);

}  // namespace
