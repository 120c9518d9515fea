package widget

import (
	"errors"
	"sync"
	"testing"

	"haft.dev/haft"
)

func made(t *testing.T, sum int64) Widget {
	t.Helper()
	w, err := New(sum)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		Join()
		if n := Count(); n != 0 {
			t.Errorf("%d widgets are left", n)
		}
	})
	return w
}

func want(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestUseAfterDeleteIsAnError(t *testing.T) {
	w := made(t, 40)
	sum, err := w.Add(2)
	want(t, err, nil)
	if sum != 42 {
		t.Error(sum)
	}
	w.Delete()
	_, err = w.Add(1)
	want(t, err, haft.ErrStale)
	want(t, w.Release(), haft.ErrStale)
	want(t, w.AddLater(1), haft.ErrStale)
}

func TestLateCallOfADeletedListenerIsRefused(t *testing.T) {
	w := made(t, 0)
	defer w.Delete()
	var heard []int64
	listener := haft.NewHandle(func(sum int64) { heard = append(heard, sum) })
	want(t, w.Subscribe(listener), nil)
	_, err := w.Add(1)
	want(t, err, nil)
	listener.Delete()
	_, err = w.Add(1)
	want(t, err, nil)
	if len(heard) != 1 || heard[0] != 1 {
		t.Error(heard)
	}
	want(t, w.Subscribe(listener), haft.ErrStale)
}

func TestListenerMayDeleteItselfAndItsWidget(t *testing.T) {
	w := made(t, 0)
	var listener haft.Handle
	alive := int64(0)
	listener = haft.NewHandle(func(int64) {
		listener.Delete()
		w.Delete()
		alive = Count()
	})
	want(t, w.Subscribe(listener), nil)
	sum, err := w.Add(1)
	want(t, err, nil)
	if sum != 1 || alive != 1 || Count() != 0 {
		t.Error(sum, alive, Count())
	}
}

// The call runs on a thread that Go does not know. Its widget is pinned by the library, and its listener is found by Go.
func TestThreadOfTheLibraryOutlivesBothDeletes(t *testing.T) {
	w := made(t, 0)
	inside, goOn := make(chan int64), make(chan struct{})
	listener := haft.NewHandle(func(sum int64) {
		inside <- sum
		<-goOn
	})
	want(t, w.Subscribe(listener), nil)
	want(t, w.AddLater(3), nil)
	if sum := <-inside; sum != 3 {
		t.Error(sum)
	}
	listener.Delete()
	w.Delete()
	if n := Count(); n != 1 {
		t.Errorf("%d widgets, want the one in use", n)
	}
	close(goOn)
}

func TestTypesAreTold(t *testing.T) {
	w := made(t, 0)
	defer w.Delete()
	_, err := w.Lookup()
	want(t, err, haft.ErrWrongType)
	want(t, w.Handle.Release(), haft.ErrWrongType)
	number := haft.NewHandle(1)
	defer number.Delete()
	_, err = Widget{number}.Add(1)
	want(t, err, haft.ErrWrongType)
	want(t, w.Subscribe(number), haft.ErrWrongType)
	_, err = Type().Pin(number)
	want(t, err, haft.ErrWrongType)
}

func TestPinKeepsTheObject(t *testing.T) {
	w := made(t, 0)
	pin, err := Type().Pin(w.Handle)
	want(t, err, nil)
	object := pin.Object()
	if object == nil {
		t.Error("no object")
	}
	want(t, Type().Release(w.Handle), nil)
	if Count() != 1 {
		t.Error("destroyed while it is pinned")
	}
	let := make(chan struct{})
	go func() { pin.Unpin(); pin.Unpin(); close(let) }()
	<-let
	if Count() != 0 {
		t.Error("not destroyed by the last unpin")
	}
}

func TestGoroutinesAgainstADelete(t *testing.T) {
	for round := 0; round < 100; round++ {
		w := made(t, 0)
		var started, done sync.WaitGroup
		for i := 0; i < 3; i++ {
			started.Add(1)
			done.Add(1)
			go func() {
				defer done.Done()
				started.Done()
				for {
					if _, err := w.Add(1); err != nil {
						want(t, err, haft.ErrStale)
						return
					}
				}
			}()
		}
		started.Wait()
		w.Delete()
		done.Wait()
	}
}
