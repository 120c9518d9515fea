// InChild: runs a part of a test in a process of its own.

#ifndef TESTS_SUPPORT_IN_CHILD_H_
#define TESTS_SUPPORT_IN_CHILD_H_

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

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

}  // namespace haft::testing

#endif  // TESTS_SUPPORT_IN_CHILD_H_
