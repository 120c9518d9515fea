package main

import "sync/atomic"

// ring is a bounded queue from one thread to another (Lamport). Each side remembers the other side's position as it last read it.
type ring struct {
	tail     atomic.Uint64
	headSeen uint64
	limit    uint64
	_        [128]byte
	head     atomic.Uint64
	tailSeen uint64
	_        [128]byte
	keys     []uint64 // as many as a power of two
}

func newRings(count, size, limit int) []*ring {
	rings := make([]*ring, count)
	for i := range rings {
		rings[i] = &ring{limit: uint64(limit), keys: make([]uint64, size)}
	}
	return rings
}

// tryPush returns false, and does nothing, if there is no room.
func (r *ring) tryPush(key uint64) bool {
	tail := r.tail.Load()
	if tail+1-r.headSeen > r.limit {
		r.headSeen = r.head.Load()
		if tail+1-r.headSeen > r.limit {
			return false
		}
	}
	r.keys[tail&uint64(len(r.keys)-1)] = key
	r.tail.Store(tail + 1)
	return true
}

// tryPop returns noKey if there is none.
func (r *ring) tryPop() uint64 {
	head := r.head.Load()
	if r.tailSeen == head {
		r.tailSeen = r.tail.Load()
		if r.tailSeen == head {
			return noKey
		}
	}
	key := r.keys[head&uint64(len(r.keys)-1)]
	r.head.Store(head + 1)
	return key
}

// push and pop wait until they can. They return false and noKey if the run ends first.
func (r *ring) push(key uint64, c *threadContext) bool {
	for !r.tryPush(key) {
		if c.shouldStop() {
			return false
		}
		yieldThread()
	}
	return true
}
func (r *ring) pop(c *threadContext) uint64 {
	for {
		if key := r.tryPop(); key != noKey {
			return key
		}
		if c.shouldStop() {
			return noKey
		}
		yieldThread()
	}
}

// emptyRings deletes the keys that are still on their way.
func emptyRings[T table](rings []*ring, table T, t *tally) {
	for _, r := range rings {
		for key := r.tryPop(); key != noKey; key = r.tryPop() {
			if !table.DeleteAny(key) {
				t.wrong[wrongNotDeleted]++
			}
		}
	}
}
