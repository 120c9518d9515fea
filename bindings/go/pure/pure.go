// Package pure has the handles of package haft for programs that hand them only to themselves: words of the same layout,
// with the same functions and errors, in Go alone. It needs neither cgo nor libhaft. Its table is its own, so haft_value in C,
// and package haft, refuse its words.
//
// A handle is a weak reference that can be copied, stored in a file or sent to another process and back, and that tells when
// it comes too late. No handle is issued twice on 64 bits; where words have 32 bits, a slot is given up after 32,767 handles.
package pure

import (
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"unsafe"

	"haft.dev/haft/internal/core"
)

// Handle is a word that stands for a value. The zero Handle is never live. Every other one is odd.
type Handle uintptr

// Status is a reason for a refusal. Each is an error, so errors.Is(err, pure.ErrStale) tells it.
type Status = core.Status

// Error is what the functions of this package return: a Status, with the operation, the word and what is known about it.
type Error = core.Error

// The reasons, which are those of package haft with the same names.
const (
	ErrNull        = core.Null        // the zero Handle
	ErrMalformed   = core.Malformed   // no table issues such a word
	ErrNeverIssued = core.NeverIssued // forged, or of another table
	ErrStale       = core.Stale       // deleted
	ErrFull        = core.Full        // no room for another handle
)

// A word, from its lowest bit: 1, the number of the slot, the generation, and on 64 bits the bits 01.
const (
	is64           = ^uintptr(0) >> 63
	wordBits       = 32 << is64
	indexBits      = 16 + 10*is64
	generationBits = wordBits - 1 - indexBits - 2*is64
	generation     = uintptr(1) << (1 + indexBits)
	generations    = (1<<generationBits - 1) * generation
	indices        = generation - 2
	fixed          = uintptr(1) | is64<<(wordBits-2)

	// Capacity is how many handles can be live at the same time. The other slots may wait in shards.
	Capacity = 49_152*(1-is64) + 4_194_304*is64
	slots    = 65_536*(1-is64) + 4_390_912*is64

	batch = 128
)

// stack has handles that are ready to be issued.
type stack struct {
	count int
	words [2 * batch]uintptr
}

type table struct {
	entries core.Entries
	shards  *core.Shards
	first   uintptr // the first handle of slot 0

	mutex sync.Mutex
	used  uintptr   // slots that were ever in use
	ready []uintptr // handles that are in no shard
}

var process = newTable(slots)

func newTable(size uintptr) *table {
	// Generations begin in the lower half of their range, so that most handles of another table were never issued here.
	start := 1 + uintptr(new(maphash.Hash).Sum64())%(generations/generation/2)
	return &table{entries: core.NewEntries(size), shards: core.NewShards(), first: fixed | start*generation}
}

func index(h uintptr) uintptr { return h & indices >> 1 }

// NewHandle returns a handle of v. It panics with a string if there is none.
func NewHandle(v any) Handle {
	h, err := New(v)
	if err != nil {
		panic("haft: ran out of handle space: " + err.Error())
	}
	return h
}

// Value returns the value of the handle. It panics with a string if h is not live.
func (h Handle) Value() any {
	v, err := h.Lookup()
	if err != nil {
		panic(misuse(err))
	}
	return v
}

// Delete ends the handle. It panics with a string if h is not live.
func (h Handle) Delete() {
	if err := h.Release(); err != nil {
		panic(misuse(err))
	}
}

func misuse(err error) string { return "haft: misuse of an invalid Handle: " + err.Error() }

// New returns a handle of v that was never issued before.
func New(v any) (Handle, error) { return process.new(v) }

func (t *table) new(v any) (Handle, error) {
	shard := t.shards.Take()
	if shard == nil {
		return t.newOfNoShard(v)
	}
	s := (*stack)(shard.Store)
	if s == nil || s.count == 0 {
		if s = t.refill(shard); s == nil {
			shard.Put()
			return 0, &Error{Op: "New", Status: ErrFull}
		}
	}
	s.count--
	h := s.words[uint(s.count)%uint(len(s.words))]
	e := t.entries.Make(index(h))
	e.Write(v)
	core.Publish(&e.Word, &e.Word, h, shard.Lock())
	return Handle(h), nil
}

func (t *table) newOfNoShard(v any) (Handle, error) {
	var one [1]uintptr
	if t.fetch(one[:]) == 0 {
		return 0, &Error{Op: "New", Status: ErrFull}
	}
	e := t.entries.Make(index(one[0]))
	e.Write(v)
	core.Release(&e.Word, one[0])
	return Handle(one[0]), nil
}

func (t *table) refill(shard *core.Shard) *stack {
	s := (*stack)(shard.Store)
	if s == nil {
		s = new(stack)
		shard.Store = unsafe.Pointer(s)
	}
	s.count = t.fetch(s.words[:batch])
	if s.count == 0 {
		return nil
	}
	return s
}

// fetch takes ready handles that are in no shard, and slots that were never used.
func (t *table) fetch(words []uintptr) int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	count := copy(words, t.ready[len(t.ready)-smaller(len(t.ready), len(words)):])
	t.ready = t.ready[:len(t.ready)-count]
	for ; count < len(words) && t.used < slots; count++ {
		words[count] = t.first | t.used<<1
		t.used++
	}
	return count
}

func smaller(a, b int) int {
	if a < b {
		return a
	}
	return b
}

// give puts ready handles where every shard finds them.
func (t *table) give(words []uintptr) {
	t.mutex.Lock()
	t.ready = append(t.ready, words...)
	t.mutex.Unlock()
}

// Lookup returns the value of the handle, or why there is none.
func (h Handle) Lookup() (any, error) {
	if h&1 != 0 {
		if e := process.entries.At(index(uintptr(h))); e != nil {
			if v, ok := e.Read(uintptr(h), &e.Word); ok {
				return v, nil
			}
		}
	}
	return nil, h.refused("Lookup")
}

// Release ends the handle. It returns nil once for each handle, and otherwise why the word is refused.
func (h Handle) Release() error {
	if !process.release(uintptr(h)) {
		return h.refused("Release")
	}
	return nil
}

func (t *table) release(h uintptr) bool {
	if h&1 == 0 {
		return false
	}
	e := t.entries.At(index(h))
	if e == nil || !atomic.CompareAndSwapUintptr(&e.Word, h, h^1) {
		return false
	}
	// The slot is this goroutine's until its next handle is in a stack.
	e.Clear()
	if h&generations == generations {
		return true // it was the last handle of the slot
	}
	next := h + generation
	shard := t.shards.Take()
	if shard == nil {
		t.give([]uintptr{next})
		return true
	}
	s := (*stack)(shard.Store)
	if s == nil {
		s = new(stack)
		shard.Store = unsafe.Pointer(s)
	}
	if s.count == len(s.words) {
		t.give(s.words[batch:])
		s.count = batch
	}
	s.words[uint(s.count)%uint(len(s.words))] = next
	s.count++
	shard.Put()
	return true
}

// status tells why h is not live, or core.OK if it is.
func (t *table) status(h uintptr) Status {
	if h == 0 {
		return ErrNull
	}
	if h&^(generations|indices) != fixed || h&generations == 0 {
		return ErrMalformed
	}
	e := t.entries.At(index(h))
	if e == nil {
		return ErrNeverIssued
	}
	// The word of the slot is its last handle, which is even if it has ended.
	last := atomic.LoadUintptr(&e.Word)
	switch {
	case last == h:
		return core.OK
	case last != 0 && h&generations <= last&generations && h&generations >= t.first&generations:
		return ErrStale
	}
	return ErrNeverIssued
}

// Check returns nil if the handle is live, or why it is refused.
func (h Handle) Check() error {
	if process.status(uintptr(h)) == core.OK {
		return nil
	}
	return h.refused("Check")
}

func (h Handle) refused(op string) error {
	status := process.status(uintptr(h))
	if status == core.OK {
		status = ErrStale // it ended between the operation and the question: no word becomes live again
	}
	return &Error{Op: op, Word: uintptr(h), Status: status, Detail: h.Describe()}
}

// Describe returns what the table knows about the word, in one line.
func (h Handle) Describe() string {
	text := fmt.Sprintf("%#x: %s", uintptr(h), process.status(uintptr(h)).Text())
	if e := process.entries.At(index(uintptr(h))); e != nil {
		if last := atomic.LoadUintptr(&e.Word); last&1 != 0 && last != uintptr(h) {
			text += fmt.Sprintf("; its slot now has %#x", last)
		}
	}
	return text
}
