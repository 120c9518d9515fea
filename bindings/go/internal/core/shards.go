package core

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Shard is one of several equal stores of ready and ended handles. A goroutine takes any that is free.
type Shard struct {
	lock   uintptr
	Misses uint32         // for the owner: how often there was no store
	Store  unsafe.Pointer // for the owner
	_      [128 - 3*unsafe.Sizeof(uintptr(0))]byte
}

const (
	buckets    = 256
	mostShards = 64
	mostTries  = 8
)

// Shards is a set of shards.
//
// Goroutines have no number, and threads change under them. Goroutines differ in the address of their stack,
// so that is hashed into a bucket, and the bucket says at which shard to begin. If that one is taken, the goroutine goes to
// the next, and the bucket follows, so that goroutines that run at the same time move apart. Nobody waits for a shard.
type Shards struct {
	mask  uint32 // the number of shards, less one
	hints [buckets]uint32
	all   [mostShards]Shard
}

// NewShards returns a set for the number of goroutines that can run at the same time.
func NewShards() *Shards {
	count := uint(8)
	for count < 4*uint(runtime.GOMAXPROCS(0)) && count < mostShards {
		count *= 2
	}
	s := &Shards{mask: uint32(count) - 1}
	for i := range s.hints {
		s.hints[i] = uint32(i)
	}
	return s
}

// Take returns a shard that belongs to the caller until Put, or nil if those that it tried are taken.
func (s *Shards) Take() *Shard {
	var here byte
	bucket := uint32(uint64(uintptr(unsafe.Pointer(&here))>>12) * 0x9e3779b97f4a7c15 >> 56)
	hint := &s.hints[bucket%buckets]
	first := atomic.LoadUint32(hint)
	shard := &s.all[first&s.mask%mostShards]
	if atomic.CompareAndSwapUintptr(&shard.lock, 0, 1) {
		return shard
	}
	return s.takeAnother(hint, first)
}

func (s *Shards) takeAnother(hint *uint32, first uint32) *Shard {
	for next := first + 1; next != first+mostTries; next++ {
		shard := &s.all[next&s.mask%mostShards]
		if atomic.LoadUintptr(&shard.lock) == 0 && atomic.CompareAndSwapUintptr(&shard.lock, 0, 1) {
			atomic.StoreUint32(hint, next)
			return shard
		}
	}
	return nil
}

// Put gives the shard back.
func (s *Shard) Put() { Release(&s.lock, 0) }

// Lock returns the word that is 0 while the shard is free, for Publish.
func (s *Shard) Lock() *uintptr { return &s.lock }

// TakeAll takes every shard, and waits for those that are taken. They stay taken until PutAll.
func (s *Shards) TakeAll() {
	for i := range s.all {
		shard := &s.all[i]
		for !atomic.CompareAndSwapUintptr(&shard.lock, 0, 1) {
			runtime.Gosched()
		}
	}
}

// PutAll gives back what TakeAll has taken.
func (s *Shards) PutAll() {
	for i := range s.all {
		s.all[i].Put()
	}
}
