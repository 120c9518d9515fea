/* EXPECT, the check of the tests of the examples. */

#ifndef HAFT_EXAMPLES_EXPECT_H_
#define HAFT_EXAMPLES_EXPECT_H_

#include <stdio.h>
#include <stdlib.h>

#define EXPECT(condition)                                               \
  do {                                                                  \
    if (!(condition)) {                                                 \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
              #condition);                                              \
      exit(1);                                                          \
    }                                                                   \
  } while (0)

#endif /* HAFT_EXAMPLES_EXPECT_H_ */
