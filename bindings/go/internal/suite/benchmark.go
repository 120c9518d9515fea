package suite

import "testing"

// Arm is a way to have handles. Cycle and Lookups call its functions directly, because an indirect call costs as much as a
// look-up.
type Arm struct {
	Cycle   func(v any)                 // new, value, delete
	New     func(v any) uintptr         //
	Lookups func(handles *[128]uintptr) // one look-up of each
	Delete  func(h uintptr)             //
}

// Sum is written to by look-ups, so that they are not left out.
var Sum int

// Benchmark measures an arm with one goroutine and with one for each processor. ns/op are for one cycle, and one look-up.
func (a Arm) Benchmark(b *testing.B) {
	v := any(new(big))
	b.Run("cycle/1", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			a.Cycle(v)
		}
	})
	b.Run("cycle/all", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				a.Cycle(v)
			}
		})
	})
	var handles [128]uintptr
	for i := range handles {
		handles[i] = a.New(v)
	}
	b.Run("lookup/1", func(b *testing.B) {
		for i := 0; i < b.N; i += len(handles) {
			a.Lookups(&handles)
		}
	})
	b.Run("lookup/all", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for more := true; more; {
				a.Lookups(&handles)
				for i := 0; i < len(handles) && more; i++ {
					more = pb.Next()
				}
			}
		})
	})
	for _, h := range handles {
		a.Delete(h)
	}
}
