package core

import (
	"sync/atomic"
	"unsafe"
)

// Entry is the Go side of a slot: an interface value, which C must not hold, and the handle that it belongs to.
//
// One goroutine at a time may write to an entry, the one that has the slot: it has taken the slot's next handle and not
// issued it yet, or it has ended the slot's handle and not given the slot back yet. Any goroutine may read. A reader accepts
// what it has read if Word was its handle before and after. Therefore a writer makes Word even, which no handle is, before
// it writes anything, and sets it to the handle at the end. No handle is issued twice, so Word never returns to an old one.
//
// The two words of the interface value are accessed one by one, and atomically. They are those of sync/atomic's Value.
type Entry struct {
	Word uintptr
	typ  unsafe.Pointer
	data unsafe.Pointer
}

type words struct{ typ, data unsafe.Pointer }

// Read returns the value, if the entry is that of h.
func (e *Entry) Read(h uintptr) (v any, ok bool) {
	if atomic.LoadUintptr(&e.Word) != h {
		return nil, false
	}
	found := words{atomic.LoadPointer(&e.typ), atomic.LoadPointer(&e.data)}
	if atomic.LoadUintptr(&e.Word) != h {
		return nil, false
	}
	return *(*any)(unsafe.Pointer(&found)), true
}

// Write stores the value. The caller then sets Word to the handle.
func (e *Entry) Write(v any) {
	if atomic.LoadUintptr(&e.Word)&1 != 0 {
		// A handle that C has ended. Its readers must not accept what follows.
		atomic.StoreUintptr(&e.Word, 0)
	}
	given := (*words)(unsafe.Pointer(&v))
	// Most slots get values of one type. A load costs less than a store.
	if atomic.LoadPointer(&e.typ) != given.typ {
		atomic.StorePointer(&e.typ, given.typ)
	}
	atomic.StorePointer(&e.data, given.data)
}

// Clear lets go of the value, after the handle h has ended. The type stays, because it is hardly ever in memory of its own.
func (e *Entry) Clear(h uintptr) {
	Release(&e.Word, h^1)
	atomic.StorePointer(&e.data, nil)
}

// IsEndedBy tells whether Clear was called for h, and nothing was written since.
func (e *Entry) IsEndedBy(h uintptr) bool { return atomic.LoadUintptr(&e.Word) == h^1 }

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
