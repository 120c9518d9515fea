package haft_test

import (
	"runtime/cgo"
	"sync"
	"testing"

	"haft.dev/haft"
	"haft.dev/haft/internal/suite"
	"haft.dev/haft/pure"
)

// mutexMap is what many programs have: a map behind a mutex.
type mutexMap struct {
	mutex  sync.Mutex
	values map[uintptr]any
	last   uintptr
}

func (m *mutexMap) make(v any) uintptr {
	m.mutex.Lock()
	m.last++
	h := m.last
	m.values[h] = v
	m.mutex.Unlock()
	return h
}

func (m *mutexMap) value(h uintptr) any {
	m.mutex.Lock()
	v := m.values[h]
	m.mutex.Unlock()
	return v
}

func (m *mutexMap) end(h uintptr) {
	m.mutex.Lock()
	delete(m.values, h)
	m.mutex.Unlock()
}

// syncMap is a sync.Map with numbers as its keys.
type syncMap struct {
	values sync.Map
	mutex  sync.Mutex
	last   uintptr
}

func (m *syncMap) make(v any) uintptr {
	m.mutex.Lock()
	m.last++
	h := m.last
	m.mutex.Unlock()
	m.values.Store(h, v)
	return h
}

func (m *syncMap) value(h uintptr) any {
	v, _ := m.values.Load(h)
	return v
}

func (m *syncMap) end(h uintptr) { m.values.Delete(h) }

var (
	locked   = &mutexMap{values: map[uintptr]any{}}
	lockless = new(syncMap)
)

func found(v any) {
	if v == nil {
		panic("no value")
	}
}

func Benchmark(b *testing.B) {
	b.Run("haft", suite.Arm{
		Cycle: func(v any) {
			h := haft.NewHandle(v)
			found(h.Value())
			h.Delete()
		},
		New: func(v any) uintptr { return uintptr(haft.NewHandle(v)) },
		Lookups: func(handles *[128]uintptr) {
			for _, h := range handles {
				found(haft.Handle(h).Value())
			}
		},
		Delete: func(h uintptr) { haft.Handle(h).Delete() },
	}.Benchmark)
	b.Run("pure", suite.Arm{
		Cycle: func(v any) {
			h := pure.NewHandle(v)
			found(h.Value())
			h.Delete()
		},
		New: func(v any) uintptr { return uintptr(pure.NewHandle(v)) },
		Lookups: func(handles *[128]uintptr) {
			for _, h := range handles {
				found(pure.Handle(h).Value())
			}
		},
		Delete: func(h uintptr) { pure.Handle(h).Delete() },
	}.Benchmark)
	b.Run("cgo.Handle", suite.Arm{
		Cycle: func(v any) {
			h := cgo.NewHandle(v)
			found(h.Value())
			h.Delete()
		},
		New: func(v any) uintptr { return uintptr(cgo.NewHandle(v)) },
		Lookups: func(handles *[128]uintptr) {
			for _, h := range handles {
				found(cgo.Handle(h).Value())
			}
		},
		Delete: func(h uintptr) { cgo.Handle(h).Delete() },
	}.Benchmark)
	b.Run("mutex+map", suite.Arm{
		Cycle: func(v any) {
			h := locked.make(v)
			found(locked.value(h))
			locked.end(h)
		},
		New: locked.make,
		Lookups: func(handles *[128]uintptr) {
			for _, h := range handles {
				found(locked.value(h))
			}
		},
		Delete: locked.end,
	}.Benchmark)
	b.Run("sync.Map", suite.Arm{
		Cycle: func(v any) {
			h := lockless.make(v)
			found(lockless.value(h))
			lockless.end(h)
		},
		New: lockless.make,
		Lookups: func(handles *[128]uintptr) {
			for _, h := range handles {
				found(lockless.value(h))
			}
		},
		Delete: lockless.end,
	}.Benchmark)
}
