//go:build (amd64 || arm64) && !race

package core

// The functions of this file store with release order. sync/atomic has only sequentially consistent stores, which on amd64
// are locked exchanges and cost as much as a compare-and-swap. No word that they store is a Go pointer. Under the race
// detector, which does not see what assembly does, order_atomic.go has them instead.

// Publish stores h into *word and then into *state, and then 0 into *lock.
//
//go:noescape
func Publish(word, state *uintptr, h uintptr, lock *uintptr)

// Release stores value into *word.
//
//go:noescape
func Release(word *uintptr, value uintptr)
