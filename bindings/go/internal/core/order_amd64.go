//go:build amd64 && !race

package core

import (
	"unsafe"
)

// storePointer stores a Go pointer. On amd64 stores become visible in program order, and the compiler keeps this one between the
// calls and compare-and-swaps around it, so it has release order. Under the race detector it is order_pointer.go's.
func storePointer(to *unsafe.Pointer, p unsafe.Pointer) { *to = p }
