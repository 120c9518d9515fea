package main

import (
	"runtime/cgo"
	"sync"
	"sync/atomic"
)

// object is the thing that a value points to.
type object struct {
	content uint64
}

// noKey is the key of a table that is full. None of the tables here ever is, but for those of the tests.
const noKey = 0

// table is one under study. All methods are called by many threads at the same time.
//
// Go compiles a generic function once for each shape of its type arguments, and calls their methods through a dictionary: so an
// operation costs one indirect call, and neither a conversion to an interface nor an allocation. Each table is a struct with a
// pointer of a type of its own, and therefore has a shape of its own.
type table interface {
	// New returns noKey if the table is full.
	New(*object) uint64
	// Find and Delete are called with a key that is live. If the table forgets it, they return false or panic with misuse.
	Find(key uint64) (*object, bool)
	Delete(key uint64) bool
	// FindAny and DeleteAny are called with any key, and return false if it is not live.
	FindAny(key uint64) (*object, bool)
	DeleteAny(key uint64) bool
}

// misuse is the value with which the methods of cgo.Handle panic if the handle is not live.
const misuse = "runtime/cgo: misuse of an invalid Handle"

// cgoHandles are the handles with which Go programs give values to C. All of the process are in one table.
//
// Value and Delete panic for a handle that is not live. A program that holds a live handle calls them as they are, and so do Find
// and Delete. A program that must survive a stale handle has to recover from the panic, which is part of the cost of FindAny.
type cgoHandles struct{}

func newCgoHandles(int) cgoHandles { return cgoHandles{} }

func (cgoHandles) New(value *object) uint64 { return uint64(cgo.NewHandle(value)) }
func (cgoHandles) Find(key uint64) (*object, bool) {
	value, ok := cgo.Handle(key).Value().(*object)
	return value, ok
}
func (cgoHandles) Delete(key uint64) bool {
	cgo.Handle(key).Delete()
	return true
}
func (t cgoHandles) FindAny(key uint64) (value *object, ok bool) {
	defer recoverMisuse(&ok)
	return t.Find(key)
}
func (t cgoHandles) DeleteAny(key uint64) (ok bool) {
	defer recoverMisuse(&ok)
	return t.Delete(key)
}

// recoverMisuse is deferred. It ends a panic with misuse, and makes the result false.
func recoverMisuse(ok *bool) {
	if reason := recover(); reason == misuse {
		*ok = false
	} else if reason != nil {
		panic(reason)
	}
}

// syncMap is a sync.Map whose keys come from a counter.
type syncMap struct{ *syncMapState }
type syncMapState struct {
	last    atomic.Uint64
	_       [128]byte
	objects sync.Map
}

func newSyncMap(int) syncMap { return syncMap{new(syncMapState)} }

func (t syncMap) New(value *object) uint64 {
	key := t.last.Add(1)
	t.objects.Store(key, value)
	return key
}
func (t syncMap) Find(key uint64) (*object, bool) {
	value, ok := t.objects.Load(key)
	if !ok {
		return nil, false
	}
	return value.(*object), true
}
func (t syncMap) Delete(key uint64) bool {
	_, ok := t.objects.LoadAndDelete(key)
	return ok
}
func (t syncMap) FindAny(key uint64) (*object, bool) { return t.Find(key) }
func (t syncMap) DeleteAny(key uint64) bool          { return t.Delete(key) }

// mutexMap is a map of the language behind one mutex, with a counter for the keys.
type mutexMap struct{ *mutexMapState }
type mutexMapState struct {
	mutex   sync.Mutex
	last    uint64
	objects map[uint64]*object
}

func newMutexMap(capacity int) mutexMap {
	return mutexMap{&mutexMapState{objects: make(map[uint64]*object, capacity)}}
}

func (t mutexMap) New(value *object) uint64 {
	t.mutex.Lock()
	t.last++
	key := t.last
	t.objects[key] = value
	t.mutex.Unlock()
	return key
}
func (t mutexMap) Find(key uint64) (*object, bool) {
	t.mutex.Lock()
	value, ok := t.objects[key]
	t.mutex.Unlock()
	return value, ok
}
func (t mutexMap) Delete(key uint64) bool {
	t.mutex.Lock()
	_, ok := t.objects[key]
	delete(t.objects, key)
	t.mutex.Unlock()
	return ok
}
func (t mutexMap) FindAny(key uint64) (*object, bool) { return t.Find(key) }
func (t mutexMap) DeleteAny(key uint64) bool          { return t.Delete(key) }

// arms returns the arms of this worker.
func arms() []arm {
	return []arm{
		armOf("go/cgo-handle", newCgoHandles),
		armOf("go/sync-map", newSyncMap),
		armOf("go/mutex-map", newMutexMap),
	}
}
