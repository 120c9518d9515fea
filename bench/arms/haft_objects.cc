// ObjectTable with each of its reclamations.

#include "bench/tables/haft_objects.h"

#include "haft/counted_reclamation.h"
#include "haft_study/arm.h"

namespace {

using haft::bench::HaftObjects;

template <typename V>
using Hazard = HaftObjects<V, haft::HazardReclamation>;

HAFT_STUDY_ARM_OF("haft/objects", Hazard);
HAFT_STUDY_ARM("haft/objects-counted",
               HaftObjects<Value, haft::CountedReclamation>);

}  // namespace
