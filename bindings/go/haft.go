// Package haft gives C opaque words in place of Go values, with the API of runtime/cgo.Handle, and gives Go the handles of
// objects of C and C++.
//
// A word is a handle of the table that libhaft.so keeps for the whole process. C may keep it, copy it, carry it as a void*
// (by haft_to_pointer), ask whether it is live, pin it, delete it, use it too late or make it up. A word that is not a live
// handle is refused with the reason, in Go and in C, and no handle is issued twice.
//
//	h := haft.NewHandle(v) // as cgo.NewHandle: panics if there is no room
//	v = h.Value()          // panics if h is not live
//	h.Delete()             // panics if h is not live
//
//	h, err := haft.New(v)  // the same three with errors
//	v, err = h.Lookup()
//	err = h.Release()
//
// # Cost
//
// New, Lookup and Release hardly ever call C. A look-up is a few loads from the table. Handles are made and ended with
// stores of 128, and one call refills a store. The calls take over if diagnostics watch (HAFT_DIAGNOSE), if the table has no
// store left, or if all stores that were tried are in use by other goroutines.
//
// # Go values and C
//
// The Go value stays in Go's memory, so C never holds a Go pointer, and haft_value answers C with a null object. A value
// that Lookup has returned stays alive as long as Go uses it, as usual, even if the handle is deleted meanwhile. A pin that
// C holds keeps the handle's slot, and not the Go value.
//
// If C deletes the handle of a Go value, every look-up refuses it from then on. The value itself is let go of when the slot
// of the handle is used again, or by Sweep.
//
// # Goroutines
//
// Every function may be called by every goroutine at any time. Everything that happens before New happens before
// everything after a Lookup that returns its value.
package haft

// #cgo LDFLAGS: -lhaft
// #include <stdlib.h>
// #include "value.h"
import "C"

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"haft.dev/haft/internal/core"
)

// Handle is a word that stands for a Go value or an object of C. The zero Handle is never live. Every other one is odd.
type Handle uintptr

// Status is a reason for a refusal. Each is an error, so errors.Is(err, haft.ErrStale) tells it.
type Status = core.Status

// Error is what the functions of this package return: a Status, with the operation, the word and all that is known about it.
type Error = core.Error

// The reasons. Their numbers are those of haft_status in haft.h.
const (
	ErrNull        = core.Null        // the zero Handle
	ErrMalformed   = core.Malformed   // no table issues such a word
	ErrNeverIssued = core.NeverIssued // forged, or of another table
	ErrStale       = core.Stale       // deleted
	ErrWrongType   = core.WrongType   // live, and of another type, such as an object of C++
	ErrFull        = core.Full        // no room for another handle
	ErrOutOfMemory = core.OutOfMemory // no memory, or no room for a pin
	ErrPinned      = core.Pinned      // live and pinned, so it was not deleted
	ErrTimedOut    = core.TimedOut    // deleted, and still pinned
	ErrInvalid     = core.Invalid     // an invalid argument, or a libhaft of another version
	ErrDeferred    = core.Deferred    // deleted, and destroyed later by the calling thread
)

// StatusError converts a haft_status that a C function has returned: to nil for HAFT_OK, otherwise to the Status.
func StatusError(status int) error {
	if status == 0 {
		return nil
	}
	return Status(status)
}

// NewHandle returns a handle of v. As cgo.NewHandle does, it panics with a string if there is none.
func NewHandle(v any) Handle {
	h, err := New(v)
	if err != nil {
		panic("haft: ran out of handle space: " + err.Error())
	}
	return h
}

// Value returns the value of the handle. As the method of cgo.Handle does, it panics with a string if h is not a live handle
// of a Go value. The string says why.
func (h Handle) Value() any {
	// This is load again, which the compiler does not inline: a call costs a quarter of a look-up.
	if t := current.Load(); t != nil && !t.isWatched() {
		offset := t.offset(uintptr(h))
		if state := t.state(offset); atomic.LoadUintptr(state) == uintptr(h) {
			if e := t.entries.At(offset / slotSize); e != nil {
				if v, ok := e.Read(uintptr(h), state); ok {
					return v
				}
			}
		}
	}
	return h.valueByCall()
}

func (h Handle) valueByCall() any {
	v, err := h.lookup()
	if err != nil {
		panic(misuse(err))
	}
	return v
}

// Delete ends the handle. As the method of cgo.Handle does, it panics with a string if h is not a live handle of a Go value.
func (h Handle) Delete() {
	if err := h.Release(); err != nil {
		panic(misuse(err))
	}
}

func misuse(err error) string { return "haft: misuse of an invalid Handle: " + err.Error() }

// C's words, as Go reads them.
const (
	watched       = C.HAFT_VIEW_WATCHED
	free          = C.HAFT_VIEW_FREE
	slotSize      = unsafe.Sizeof(C.haft_slot{})
	stateOffset   = unsafe.Offsetof(C.haft_slot{}.state)
	perLoan       = C.HAFT_LOAN_HANDLES
	missesPerLend = 1024
)

// loan is a haft_loan.
type loan struct {
	readyCount uint32
	endedCount uint32
	typ        unsafe.Pointer
	ready      [perLoan]uintptr
	ended      [perLoan]uintptr
}

// table is the process's table, as haft_table_view gives it, with the Go sides of its slots.
type table struct {
	gate        *uintptr
	slots       unsafe.Pointer
	mask        uintptr
	generation  uintptr
	generations uintptr
	entries     core.Entries
	shards      *core.Shards
	// Held for reading by what uses the table by calls, and for writing by Sweep.
	calls sync.RWMutex
}

var (
	current atomic.Pointer[table]
	opening sync.Mutex
)

func open() (*table, error) {
	if t := current.Load(); t != nil {
		return t, nil
	}
	opening.Lock()
	defer opening.Unlock()
	if t := current.Load(); t != nil {
		return t, nil
	}
	if loaded := C.haft_version(); C.haft_go_is_compatible(loaded) == 0 {
		return nil, &Error{Op: "loading libhaft", Status: ErrInvalid, Detail: fmt.Sprintf(
			"the library that is loaded has version %s, and this program was built for %s", version(int(loaded)),
			version(C.HAFT_VERSION))}
	}
	var view C.haft_view
	if status := C.haft_table_view(nil, C.HAFT_VIEW_ABI, &view); status != C.HAFT_OK {
		return nil, &Error{Op: "haft_table_view", Status: Status(status)}
	}
	t := &table{
		gate:        (*uintptr)(unsafe.Pointer(view.gate)),
		slots:       unsafe.Pointer(view.slots),
		mask:        uintptr(view.mask),
		generation:  uintptr(view.generation),
		generations: uintptr(view.generations),
		entries:     core.NewEntries(uintptr(view.mask)/slotSize + 1),
		shards:      core.NewShards(),
	}
	current.Store(t)
	return t, nil
}

func version(v int) string { return fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100) }

// Version returns the version of the libhaft that is loaded, such as "0.1.0".
func Version() string { return version(int(C.haft_version())) }

// offset returns where the slot of h begins.
func (t *table) offset(h uintptr) uintptr { return h * (slotSize / 2) & t.mask }

// state returns the word of a slot that is its live handle, if it has one.
func (t *table) state(offset uintptr) *uintptr {
	return (*uintptr)(unsafe.Add(t.slots, offset+stateOffset))
}

func (t *table) isWatched() bool { return atomic.LoadUintptr(t.gate) == watched }

// load is the look-up without calls. If it fails, a call says why.
func (h Handle) load() (v any, ok bool) {
	t := current.Load()
	if t == nil || t.isWatched() {
		return nil, false
	}
	offset := t.offset(uintptr(h))
	state := t.state(offset)
	if atomic.LoadUintptr(state) != uintptr(h) {
		return nil, false
	}
	e := t.entries.At(offset / slotSize)
	if e == nil {
		return nil, false
	}
	return e.Read(uintptr(h), state)
}

// Lookup returns the value of the handle, or why there is none.
func (h Handle) Lookup() (any, error) {
	if v, ok := h.load(); ok {
		return v, nil
	}
	return h.lookup()
}

// lookup is the look-up by a call.
func (h Handle) lookup() (any, error) {
	t, err := open()
	if err != nil {
		return nil, err
	}
	if status := Status(C.haft_go_value(C.haft_handle(h))); status != core.OK {
		return nil, h.refused("Lookup", status)
	}
	offset := t.offset(uintptr(h))
	if e := t.entries.At(offset / slotSize); e != nil {
		if v, ok := e.Read(uintptr(h), t.state(offset)); ok {
			return v, nil
		}
	}
	// It has the type of Go values and was live, but it was deleted just now, or New has not returned it.
	if status := Status(C.haft_check(C.haft_handle(h))); status != core.OK {
		return nil, h.refused("Lookup", status)
	}
	return nil, h.refused("Lookup", ErrNeverIssued)
}

func (h Handle) refused(op string, status Status) error {
	return &Error{Op: op, Word: uintptr(h), Status: status, Detail: h.Describe()}
}

// New returns a handle of v that was never issued before.
func New(v any) (Handle, error) {
	t := current.Load()
	if t == nil || t.isWatched() {
		return newByCall(v)
	}
	shard := t.shards.Take()
	if shard == nil {
		return newByCall(v)
	}
	l := (*loan)(shard.Store)
	if l == nil || l.readyCount == 0 {
		if l = refill(shard); l == nil {
			shard.Put()
			return newByCall(v)
		}
	}
	left := l.readyCount - 1
	h := l.ready[left%perLoan]
	l.readyCount = left
	offset := t.offset(h)
	e := t.entries.Make(offset / slotSize)
	e.Write(v)
	core.Publish(&e.Word, t.state(offset), h, shard.Lock())
	return Handle(h), nil
}

// refill returns a loan of the shard with a ready handle, or nil if there is none. The shard is the caller's.
func refill(shard *core.Shard) *loan {
	l := (*loan)(shard.Store)
	if l == nil {
		if shard.Misses++; shard.Misses%missesPerLend != 1 {
			return nil
		}
		var lent *C.haft_loan
		if C.haft_go_lend(&lent) != C.HAFT_OK {
			return nil
		}
		shard.Store = unsafe.Pointer(lent)
		return (*loan)(shard.Store)
	}
	if settle(shard); l.readyCount == 0 {
		return nil
	}
	return l
}

func newByCall(v any) (Handle, error) {
	t, err := open()
	if err != nil {
		return 0, err
	}
	t.calls.RLock()
	defer t.calls.RUnlock()
	file, line := t.caller()
	made := C.haft_go_new(file, line)
	C.free(unsafe.Pointer(file))
	if made.status != C.HAFT_OK {
		return 0, &Error{Op: "New", Status: Status(made.status)}
	}
	h := uintptr(made.handle)
	e := t.entries.Make(t.offset(h) / slotSize)
	e.Write(v)
	core.Release(&e.Word, h)
	return Handle(h), nil
}

// Release ends the handle of a Go value. It returns nil once for each handle, and otherwise why the word is refused.
func (h Handle) Release() error {
	t := current.Load()
	if t == nil || t.isWatched() {
		return h.releaseByCall()
	}
	word := uintptr(h)
	offset := t.offset(word)
	state := t.state(offset)
	if atomic.LoadUintptr(state) != word || word&t.generations == t.generations {
		return h.releaseByCall()
	}
	e := t.entries.At(offset / slotSize)
	if e == nil || atomic.LoadUintptr(&e.Word) != word {
		return h.releaseByCall()
	}
	shard := t.shards.Take()
	if shard == nil {
		return h.releaseByCall()
	}
	l := (*loan)(shard.Store)
	if l == nil {
		l = refill(shard)
	}
	if l == nil || l.endedCount >= perLoan || !atomic.CompareAndSwapUintptr(state, word, (word+t.generation)^free) {
		shard.Put()
		return h.releaseByCall()
	}
	// The slot is this goroutine's until haft_settle.
	e.Clear()
	count := l.endedCount
	l.ended[count%perLoan] = word
	l.endedCount = count + 1
	if count+1 == perLoan {
		settle(shard)
	}
	shard.Put()
	return nil
}

// settle is the one call in 128 operations. The shard is the caller's.
//
//go:noinline
func settle(shard *core.Shard) { C.haft_settle((*C.haft_loan)(shard.Store)) }

func (h Handle) releaseByCall() error {
	t, err := open()
	if err != nil {
		return err
	}
	t.calls.RLock()
	defer t.calls.RUnlock()
	file, line := t.caller()
	ended := C.haft_go_end(C.haft_handle(h), file, line)
	C.free(unsafe.Pointer(file))
	if ended.status != C.HAFT_OK {
		return h.refused("Release", Status(ended.status))
	}
	if ended.pin != (C.haft_pin{}) {
		// The slot is this goroutine's until the pin ends.
		if e := t.entries.At(t.offset(uintptr(h)) / slotSize); e != nil {
			e.Clear()
		}
		C.haft_go_unpin(ended.pin)
	}
	return nil
}

// caller returns the line that has called this package, if diagnostics watch. C must free the file.
func (t *table) caller() (file *C.char, line C.uint) {
	if !t.isWatched() {
		return nil, 0
	}
	var counters [8]uintptr
	frames := runtime.CallersFrames(counters[:runtime.Callers(3, counters[:])])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "haft.dev/haft.") {
			return C.CString(frame.File), C.uint(frame.Line)
		}
		if !more {
			return nil, 0
		}
	}
}

// Check returns nil if the handle is live, whatever it stands for, or why it is refused.
func (h Handle) Check() error {
	if status := Status(C.haft_check(C.haft_handle(h))); status != core.OK {
		return h.refused("Check", status)
	}
	return nil
}

// Describe returns all that the table knows about the word, in one or more lines. If HAFT_DIAGNOSE=sites is in the
// environment, that includes the lines and the threads that have made and deleted it.
func (h Handle) Describe() string {
	var text [1024]C.char
	C.haft_describe(C.haft_handle(h), &text[0], C.size_t(len(text)))
	return C.GoString(&text[0])
}

// Sweep lets go of the Go values whose handles C has deleted, and returns how many these were. Values that Go has deleted
// are let go of at once, without it. It looks at all slots that Go has used, and every New and Release waits meanwhile.
func Sweep() int {
	t := current.Load()
	if t == nil {
		return 0
	}
	// Nobody else has a slot while the calls and all shards are held.
	t.calls.Lock()
	defer t.calls.Unlock()
	t.shards.TakeAll()
	defer t.shards.PutAll()
	count := 0
	t.entries.Each(func(index uintptr, e *core.Entry) {
		word := atomic.LoadUintptr(&e.Word)
		if atomic.LoadUintptr(t.state(index*slotSize)) != word && e.Clear() {
			count++
		}
	})
	return count
}

// Statistics are figures of the process's table, which counts the handles of all languages. They are exact while nobody
// makes or ends a handle.
type Statistics struct {
	Live     uint64 // handles issued and not deleted
	Created  uint64 // handles ever issued
	Deleted  uint64 // handles ever deleted
	Capacity uint64 // handles that can be live at the same time
}

// Stats returns the figures.
func Stats() (Statistics, error) {
	var s C.haft_stats
	if status := Status(C.haft_table_stats(nil, &s)); status != core.OK {
		return Statistics{}, &Error{Op: "Stats", Status: status}
	}
	return Statistics{uint64(s.live), uint64(s.created), uint64(s.deleted), uint64(s.capacity)}, nil
}
