//go:build race || !(amd64 || arm64)

package core

import "sync/atomic"

// Publish stores h into *word and then into *state, and then 0 into *lock.
func Publish(word, state *uintptr, h uintptr, lock *uintptr) {
	atomic.StoreUintptr(word, h)
	if state != word {
		atomic.StoreUintptr(state, h)
	}
	atomic.StoreUintptr(lock, 0)
}

// Release stores value into *word.
func Release(word *uintptr, value uintptr) { atomic.StoreUintptr(word, value) }
