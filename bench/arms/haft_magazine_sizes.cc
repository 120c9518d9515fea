// HandleTable with magazines of other sizes than the default of 128.

#include "bench/tables/haft_table.h"
#include "haft_study/arm.h"

namespace {

template <unsigned kSize>
struct Magazines
    : haft::bench::HaftTable<haft::BasicMagazineFreeList<kSize>, Value> {
  using Base =
      haft::bench::HaftTable<haft::BasicMagazineFreeList<kSize>, Value>;
  using Base::Base;
};

HAFT_STUDY_ARM("haft/magazine-8", Magazines<8>);
HAFT_STUDY_ARM("haft/magazine-16", Magazines<16>);
HAFT_STUDY_ARM("haft/magazine-32", Magazines<32>);
HAFT_STUDY_ARM("haft/magazine-64", Magazines<64>);
HAFT_STUDY_ARM("haft/magazine-255", Magazines<255>);

}  // namespace
