//go:build race || !amd64

package core

import (
	"sync/atomic"
	"unsafe"
)

// storePointer stores a Go pointer.
func storePointer(to *unsafe.Pointer, p unsafe.Pointer) { atomic.StorePointer(to, p) }
