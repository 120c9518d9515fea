// The main program of every test over the scheduler. It takes --seed=N.

#include <gtest/gtest.h>

#include "tests/interleaving/schedule/explore.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  haft::schedule::flags.Parse(argc, argv);
  return RUN_ALL_TESTS();
}
