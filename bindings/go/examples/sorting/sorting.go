// Package sorting gives a value of Go to a C library as its void*: it sorts an array of C's by the qsort_r of the C library,
// which calls a func of Go for each comparison.
package sorting

// #include "sorting.h"
// #cgo LDFLAGS: -lhaft
import "C"

import (
	"unsafe"

	"haft.dev/haft"
)

type order func(a, b int64) bool

// Sort sorts the values. It returns an error if the handle was deleted meanwhile; the values are then in some order.
func Sort(values []int64, less func(a, b int64) bool) error {
	h := haft.NewHandle(order(less))
	defer h.Delete()
	return sortBy(values, h)
}

func sortBy(values []int64, h haft.Handle) error {
	if len(values) == 0 {
		return nil
	}
	return haft.StatusError(int(C.sorting_sort((*C.int64_t)(unsafe.Pointer(&values[0])), C.size_t(len(values)), C.haft_handle(h))))
}

//export sortingLess
func sortingLess(context C.haft_handle, a, b C.int64_t) C.int {
	v, err := haft.Handle(context).Lookup()
	if err != nil {
		return -1
	}
	if v.(order)(int64(a), int64(b)) {
		return 1
	}
	return 0
}
