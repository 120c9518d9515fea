// InChild: runs a part of a test in a process of its own. TakeAllMemory: leaves
// such a process none.

#ifndef TESTS_SUPPORT_IN_CHILD_H_
#define TESTS_SUPPORT_IN_CHILD_H_

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace haft::testing {

// Runs f in a forked child. A failure in the child is a failure of the calling
// test.
template <typename F>
void InChild(F f) {
  std::fflush(nullptr);
  const pid_t child = fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    f();
    std::fflush(nullptr);
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
      << "wait status " << status;
}

// Takes all memory that this process can still have. Sanitizers do not survive
// that.
inline void TakeAllMemory() {
  const rlimit limit = {1, 1};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
  for (std::size_t size = std::size_t{1} << 20; size != 0; size /= 2) {
    while (std::malloc(size) != nullptr) {
    }
  }
}

}  // namespace haft::testing

#endif  // TESTS_SUPPORT_IN_CHILD_H_
