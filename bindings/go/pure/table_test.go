package pure

import (
	"errors"
	"runtime"
	"testing"
)

// A slot is given up after its last handle, which is issued and ended like any other.
func TestTheLastHandleOfASlot(t *testing.T) {
	table := newTable(slots)
	table.first = fixed | generations // the last generation of every slot
	h, err := table.new("last")
	if err != nil || uintptr(h)&generations != generations {
		t.Fatalf("%#x, %v", h, err)
	}
	if table.status(uintptr(h)) != 0 || !table.release(uintptr(h)) || table.release(uintptr(h)) {
		t.Error("it was not ended once")
	}
	if got := table.status(uintptr(h)); got != ErrStale {
		t.Error(got)
	}
	for i := 0; i < 10*batch; i++ {
		other, err := table.new(i)
		if err != nil || index(uintptr(other)) == index(uintptr(h)) {
			t.Fatalf("%#x, %v", other, err)
		}
	}
}

// Therefore a table that gives slots up is full in the end, and says so.
func TestATableThatIsUsedUp(t *testing.T) {
	table := newTable(slots)
	table.first = fixed | generations
	table.used = slots - 1000
	count := 0
	for {
		h, err := table.new(count)
		if err != nil {
			if !errors.Is(err, ErrFull) {
				t.Error(err)
			}
			break
		}
		if count++; count > 1000 || !table.release(uintptr(h)) {
			t.Fatal(count)
		}
	}
	if runtime.GOMAXPROCS(0) <= 2 && count < 1000-8*batch || count == 0 {
		t.Errorf("%d handles", count)
	}
}

// While all shards are taken, handles are made and ended without one.
func TestWithoutAShard(t *testing.T) {
	table := newTable(slots)
	var early []Handle
	for i := 0; i < 2*batch; i++ {
		h, _ := table.new(i)
		early = append(early, h)
	}
	table.shards.TakeAll()
	var handles []Handle
	for i := 0; i < 1000; i++ {
		h, err := table.new(i)
		if err != nil || table.status(uintptr(h)) != 0 {
			t.Fatal(err)
		}
		handles = append(handles, h)
	}
	for _, h := range append(handles, early...) {
		if !table.release(uintptr(h)) || table.status(uintptr(h)) != ErrStale {
			t.Errorf("%#x", h)
		}
	}
	table.shards.PutAll()
	for i := 0; i < 1000; i++ {
		h, err := table.new(i)
		if err != nil || !table.release(uintptr(h)) {
			t.Fatal(err)
		}
	}
}

func TestReasonsByGeneration(t *testing.T) {
	table := newTable(slots)
	h, _ := table.new(1)
	word := uintptr(h)
	for other, want := range map[uintptr]Status{
		word + generation:                ErrNeverIssued, // the next of its slot
		word - generation:                ErrNeverIssued, // before the first of its slot
		word&^indices | (slots-1)<<1:     ErrNeverIssued, // a slot that was never used
		word&^generations | generation*0: ErrMalformed,
		word &^ 1:                        ErrMalformed,
		word ^ 1<<(wordBits-1):           ErrMalformed,
	} {
		if is64 == 0 && want == ErrMalformed && other == word^1<<(wordBits-1) {
			continue // a bit of the generation
		}
		if got := table.status(other); got != want {
			t.Errorf("%#x: %v, want %v", other, got, want)
		}
	}
	table.release(word)
	second, _ := table.new(2)
	if index(uintptr(second)) != index(word) {
		t.Skip("another slot")
	}
	if got := table.status(word); got != ErrStale {
		t.Error(got)
	}
}
