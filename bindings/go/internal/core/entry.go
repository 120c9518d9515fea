package core

import (
	"sync/atomic"
	"unsafe"
)

// Entry is the Go side of a slot: an interface value, which C must not hold, and the handle that it belongs to.
//
// The state of a slot is a word that equals its live handle, and no other word that selects the slot. One goroutine at a time
// may write to an entry, the one that has the slot: it has taken the slot's next handle and not issued it yet, or it has ended
// the slot's handle and not given the slot back yet. Any goroutine may read, and accepts what it has read if the state was its
// handle before and after: then nobody has had the slot meanwhile, because no handle is issued twice. Word tells that the
// entry was written for that handle, and not left by one before it: C also issues handles for the slot, and where New is a
// call, the handle is live before the entry is written.
//
// The two words of the interface value are accessed one by one. They are those of sync/atomic's Value.
type Entry struct {
	Word uintptr
	typ  unsafe.Pointer
	data unsafe.Pointer
}

type words struct{ typ, data unsafe.Pointer }

// Read returns the value, if the entry is that of h, and *state is h at the end. The caller has seen that it was before.
func (e *Entry) Read(h uintptr, state *uintptr) (v any, ok bool) {
	if atomic.LoadUintptr(&e.Word) != h {
		return nil, false
	}
	found := words{atomic.LoadPointer(&e.typ), atomic.LoadPointer(&e.data)}
	if atomic.LoadUintptr(state) != h {
		return nil, false
	}
	return *(*any)(unsafe.Pointer(&found)), true
}

// Write stores the value. The caller then sets Word to the handle.
func (e *Entry) Write(v any) {
	given := (*words)(unsafe.Pointer(&v))
	// Most slots get values of one type. A load costs less than a store.
	if atomic.LoadPointer(&e.typ) != given.typ {
		atomic.StorePointer(&e.typ, given.typ)
	}
	storePointer(&e.data, given.data)
}

// Clear lets go of the value, after its handle has ended. The type stays, because it is hardly ever in memory of its own.
// It returns whether there was a value.
func (e *Entry) Clear() bool {
	if atomic.LoadPointer(&e.data) == nil {
		return false
	}
	storePointer(&e.data, nil)
	return true
}

const segmentBits = 10

type segment [1 << segmentBits]Entry

// Entries is an array of entries that is allocated in parts, as they are first used, and never moves.
type Entries struct {
	segments []unsafe.Pointer // *segment
}

// NewEntries returns an array for `count` entries, of which none has memory yet.
func NewEntries(count uintptr) Entries {
	return Entries{make([]unsafe.Pointer, (count+(1<<segmentBits)-1)>>segmentBits)}
}

// At returns the entry, or nil if its part of the array was never used.
func (a *Entries) At(index uintptr) *Entry {
	part := index >> segmentBits
	if part >= uintptr(len(a.segments)) {
		return nil
	}
	s := (*segment)(atomic.LoadPointer(&a.segments[part]))
	if s == nil {
		return nil
	}
	return &s[index&(1<<segmentBits-1)]
}

// Make returns the entry, and allocates its part of the array if need be.
func (a *Entries) Make(index uintptr) *Entry {
	if e := a.At(index); e != nil {
		return e
	}
	atomic.CompareAndSwapPointer(&a.segments[index>>segmentBits], nil, unsafe.Pointer(new(segment)))
	return a.At(index)
}

// Each calls f for all entries that have memory.
func (a *Entries) Each(f func(index uintptr, e *Entry)) {
	for part := range a.segments {
		s := (*segment)(atomic.LoadPointer(&a.segments[part]))
		if s == nil {
			continue
		}
		for i := range s {
			f(uintptr(part)<<segmentBits|uintptr(i), &s[i])
		}
	}
}
