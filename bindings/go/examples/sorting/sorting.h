/* The C part of sorting.go. */

#ifndef SORTING_H_
#define SORTING_H_

#include "haft/haft.h"

/* Sorts by the order that `order` is the handle of. Returns why the handle was
 * refused, if it was. */
haft_status sorting_sort(int64_t *values, size_t count, haft_handle order);

#endif /* SORTING_H_ */
