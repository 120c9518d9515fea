// HandleTable with the free list of libcds.

#include "haft_study/arm.h"

#if __has_include(<cds/intrusive/free_list.h>)

#include "bench/tables/haft_table.h"
#include "haft/cds/cds_free_list.h"

namespace {

using haft::bench::HaftTable;

HAFT_STUDY_ARM("haft/cds", HaftTable<haft::CdsFreeList, Value>);

}  // namespace

#else

HAFT_STUDY_UNAVAILABLE("haft/cds", "package libcds-dev");

#endif
