#include "haft/cds/cds_free_list.h"

#include <gtest/gtest.h>

#include "tests/support/free_list_suite.h"

namespace haft::testing {
namespace {

// The list has nothing of its own to test: the contract is all it promises.
using Cds = FreeListCase<CdsFreeList, UncachedCaller, true>;
INSTANTIATE_TYPED_TEST_SUITE_P(Cds, FreeListTest, Cds);
INSTANTIATE_TYPED_TEST_SUITE_P(Cds, ExactFreeListTest, Cds);

}  // namespace
}  // namespace haft::testing
