package haft

import (
	"errors"
	"runtime"
	"runtime/cgo"
	"strings"
	"sync"
	"testing"
)

func wantError(t *testing.T, got error, want Status) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestValueUntilDelete(t *testing.T) {
	h := NewHandle("haft")
	if h == 0 || h%2 == 0 {
		t.Errorf("%#x is no handle", h)
	}
	if got := h.Value(); got != "haft" {
		t.Errorf("got %v", got)
	}
	h.Delete()
	_, err := h.TryValue()
	wantError(t, err, Stale)
	wantError(t, h.TryDelete(), Stale)
	wantError(t, h.Check(), Stale)
}

func TestMisuseHasItsReason(t *testing.T) {
	for word, want := range map[Handle]Status{0: Null, 2: Malformed} {
		_, err := word.TryValue()
		wantError(t, err, want)
		wantError(t, word.TryDelete(), want)
	}
	h := NewHandle(1)
	h.Delete()
	for name, use := range map[string]func(){"Value": func() { h.Value() }, "Delete": h.Delete} {
		func() {
			defer func() {
				err, _ := recover().(error)
				wantError(t, err, Stale)
				if err != nil && !strings.Contains(err.Error(), name+" of 0x") {
					t.Errorf("%v does not say of what", err)
				}
			}()
			use()
		}()
	}
}

func TestForgedWordsAreRefused(t *testing.T) {
	h := NewHandle(1)
	defer h.Delete()
	for bit := 0; bit < 64; bit++ {
		if _, err := (h ^ 1<<bit).TryValue(); err == nil {
			t.Errorf("bit %d is not checked", bit)
		}
	}
}

func TestDeleteLetsGoOfTheValue(t *testing.T) {
	collected := make(chan struct{})
	func() {
		v := new([64]int)
		runtime.SetFinalizer(v, func(*[64]int) { close(collected) })
		h := NewHandle(v)
		runtime.GC()
		if h.Value() != any(v) {
			t.Error("another value")
		}
		h.Delete()
	}()
	for {
		runtime.GC()
		select {
		case <-collected:
			return
		default:
			runtime.Gosched()
		}
	}
}

func TestReadersAgainstACloser(t *testing.T) {
	for round := 0; round < 200; round++ {
		h := NewHandle(round)
		var started, done sync.WaitGroup
		for reader := 0; reader < 3; reader++ {
			started.Add(1)
			done.Add(1)
			go func() {
				defer done.Done()
				started.Done()
				for {
					v, err := h.TryValue()
					if err != nil {
						wantError(t, err, Stale)
						return
					}
					if v != round {
						t.Errorf("got %v in round %d", v, round)
					}
				}
			}()
		}
		started.Wait()
		h.Delete()
		done.Wait()
	}
}

func TestHandlesOfThreadsThatEnd(t *testing.T) {
	var handles [50]Handle
	var done sync.WaitGroup
	for i := range handles {
		done.Add(1)
		go func(i int) {
			defer done.Done()
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			handles[i] = NewHandle(i)
		}(i)
	}
	done.Wait()
	for i, h := range handles {
		if h.Value() != i {
			t.Errorf("%d: %v", i, h.Value())
		}
		h.Delete()
	}
}

func each(b *testing.B, turn func(i int)) {
	b.Run("1", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			turn(i)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				turn(i)
			}
		})
	})
}

func BenchmarkHaft(b *testing.B) {
	each(b, func(i int) {
		h := NewHandle(i)
		if h.Value() != i {
			panic("another value")
		}
		h.Delete()
	})
}

func BenchmarkCgoHandle(b *testing.B) {
	each(b, func(i int) {
		h := cgo.NewHandle(i)
		if h.Value() != i {
			panic("another value")
		}
		h.Delete()
	})
}

func BenchmarkMutexMap(b *testing.B) {
	var mutex sync.Mutex
	values := map[uintptr]any{}
	next := uintptr(0)
	each(b, func(i int) {
		mutex.Lock()
		next++
		h := next
		values[h] = i
		mutex.Unlock()
		mutex.Lock()
		v := values[h]
		mutex.Unlock()
		if v != i {
			panic("another value")
		}
		mutex.Lock()
		delete(values, h)
		mutex.Unlock()
	})
}
