#define _GNU_SOURCE

#include "sorting.h"

#include <stdlib.h>

#include "_cgo_export.h"

/* The context is the handle, cast. The library does not look at it. */
static int compare(const void *a, const void *b, void *context) {
  const haft_handle order = haft_from_pointer(context);
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  if (sortingLess(order, x, y) > 0) return -1;
  return sortingLess(order, y, x) > 0;
}

haft_status sorting_sort(int64_t *values, size_t count, haft_handle order) {
  qsort_r(values, count, sizeof(*values), compare, haft_to_pointer(order));
  return haft_check(order);
}
