package main

import (
	"fmt"
	"sort"
)

// stock is the table of a run with the handles that are live in it. Cell i has one handle, whose value is object i. A workload may
// replace the handle of a cell, but not its value: so a look-up can be checked although the handle comes from another thread.
type stock[T table] struct {
	table   T
	inHand  int
	keys    []uint64
	stale   []uint64 // as many handles that were deleted, or none
	objects []object
}

// newStock fills a table. There is room for each thread to have inHand handles more, and each has as many objects for them.
func newStock[T table](q *request, newTable func(capacity int) T, inHand int, withStale bool) *stock[T] {
	wanted := q.live + q.threads*inHand
	if wanted > q.capacity {
		panic(refused{"capacity", fmt.Sprintf("there are up to %d handles at a time", wanted)})
	}
	s := &stock[T]{table: newTable(q.capacity), inHand: inHand, keys: make([]uint64, q.live), objects: make([]object, wanted+1)}
	if q.hugePages {
		adviseHugePages()
	}
	if withStale {
		s.fill()
		for _, key := range s.keys {
			s.table.DeleteAny(key)
		}
		s.stale = append(s.stale, s.keys...)
	}
	s.fill()
	if q.hugePages {
		adviseHugePages()
	}
	return s
}

func (s *stock[T]) fill() {
	for i := range s.keys {
		s.keys[i] = s.table.New(&s.objects[i])
		if s.keys[i] == noKey {
			panic(refused{"live", fmt.Sprintf("the table is full after %d handles", i)})
		}
	}
}

// handObjects returns the objects of a thread's own.
func (s *stock[T]) handObjects(thread int) []object {
	first := len(s.keys) + thread*s.inHand
	return s.objects[first : first+s.inHand]
}

// verify counts the answers about the stock that are wrong, and empties it.
func (s *stock[T]) verify(t *tally) {
	sorted := append([]uint64{}, s.keys...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			t.wrong[wrongTwice]++
		}
	}
	for i, key := range s.keys {
		if found, ok := s.table.FindAny(key); !ok {
			t.wrong[wrongNotFound]++
		} else if found != &s.objects[i] {
			t.wrong[wrongOtherValue]++
		}
	}
	for _, key := range s.keys {
		if !s.table.DeleteAny(key) {
			t.wrong[wrongNotDeleted]++
		}
	}
	s.verifyStale(s.keys, t)
	s.verifyStale(s.stale, t)
}

func (s *stock[T]) verifyStale(keys []uint64, t *tally) {
	for _, key := range keys {
		if _, ok := s.table.FindAny(key); ok {
			t.wrong[wrongStaleFound]++
		}
		if s.table.DeleteAny(key) {
			t.wrong[wrongStaleDeleted]++
		}
	}
}
