package haft_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"haft.dev/haft"
	"haft.dev/haft/internal/core"
	"haft.dev/haft/internal/ctest"
	"haft.dev/haft/internal/suite"
)

var goType = haft.ValueType().Pointer()

// inAProcess runs the named test in a process of its own, with an environment that the table of this one is too old for.
func inAProcess(t *testing.T, environment ...string) (isHere bool) {
	t.Helper()
	const mark = "HAFT_GO_TEST_CHILD"
	if os.Getenv(mark) == t.Name() {
		return true
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", fmt.Sprintf("-test.short=%v", testing.Short()))
	command.Env = append(append(os.Environ(), mark+"="+t.Name()), environment...)
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func TestTextsAreThoseOfTheLibrary(t *testing.T) {
	for status := -1; status < 14; status++ {
		if got, want := haft.Status(status).Text(), ctest.Strerror(status); got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
	}
	if haft.StatusError(0) != nil || haft.StatusError(4) != haft.ErrStale {
		t.Error("StatusError")
	}
	if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(haft.Version()) {
		t.Error(haft.Version())
	}
}

func TestOneLibraryIsLoaded(t *testing.T) {
	if n := ctest.Loads(); n != 1 {
		t.Errorf("%d", n)
	}
}

func TestCSeesTheHandle(t *testing.T) {
	h := haft.NewHandle("value")
	word := ctest.RoundTrip(uintptr(h))
	if word != uintptr(h) {
		t.Errorf("%#x", word)
	}
	for _, typ := range []unsafe.Pointer{goType, nil} {
		if status, isNull := ctest.Value(word, typ); status != 0 || !isNull {
			t.Error(status, isNull)
		}
	}
	if status, _ := ctest.Value(word, ctest.CType()); haft.Status(status) != haft.ErrWrongType {
		t.Error(status)
	}
	h.Delete()
	if status, _ := ctest.Value(word, goType); haft.Status(status) != haft.ErrStale {
		t.Error(status)
	}
}

func TestWhatCHasDeletedIsStaleAndSwept(t *testing.T) {
	haft.Sweep()
	for _, end := range []func(h uintptr) int{
		func(h uintptr) int { return ctest.Delete(h, goType) },
		func(h uintptr) int { return ctest.Delete(h, nil) },
		ctest.DeleteInThread,
	} {
		h, collected := func() (haft.Handle, chan struct{}) {
			v, collected := suite.Watched()
			return haft.NewHandle(v), collected
		}()
		if status := end(uintptr(h)); status != 0 {
			t.Fatal(status)
		}
		_, err := h.Lookup()
		suite.Want(t, err, haft.ErrStale)
		suite.Want(t, h.Release(), haft.ErrStale)
		if suite.IsCollected(collected) {
			t.Error("collected without Sweep")
		}
		if n := haft.Sweep(); n != 1 {
			t.Errorf("swept %d", n)
		}
		if n := haft.Sweep(); n != 0 {
			t.Errorf("swept %d again", n)
		}
		suite.AwaitCollection(t, collected)
	}
}

func TestTheNextValueOfASlotReplacesWhatCHasDeleted(t *testing.T) {
	haft.Sweep()
	const count = 1000
	slots := map[uintptr]bool{}
	for i := 0; i < count; i++ {
		h := uintptr(haft.NewHandle(&[4]int{i}))
		slots[h&(1<<27-1)] = true
		ctest.Delete(h, goType)
	}
	// C's own free slots come first, so take more than there are.
	var handles []haft.Handle
	for i := 0; i < 20*count; i++ {
		h := haft.NewHandle(i)
		delete(slots, uintptr(h)&(1<<27-1))
		handles = append(handles, h)
	}
	for i, h := range handles {
		if h.Value() != i {
			t.Fatalf("%v instead of %d", h.Value(), i)
		}
	}
	if left := haft.Sweep(); left != len(slots) {
		t.Errorf("%d values are left of %d slots", left, len(slots))
	}
	for _, h := range handles {
		h.Delete()
	}
}

func TestSweepBesideEverything(t *testing.T) {
	var done sync.WaitGroup
	for g := 0; g < 4; g++ {
		done.Add(1)
		go func(g int) {
			defer done.Done()
			for i := 0; i < suite.Rounds(5000); i++ {
				h := haft.NewHandle(i)
				if h.Value() != i {
					t.Errorf("%v", h.Value())
				}
				if (i+g)%2 == 0 {
					h.Delete()
				} else if status := ctest.Delete(uintptr(h), goType); status != 0 {
					t.Errorf("%v", haft.Status(status))
				}
			}
		}(g)
	}
	for i := 0; i < 20; i++ {
		haft.Sweep()
		runtime.Gosched()
	}
	done.Wait()
}

func TestCAndGoDeleteAtTheSameTime(t *testing.T) {
	for i := 0; i < suite.Rounds(3000); i++ {
		h := haft.NewHandle(i)
		byC := make(chan int)
		go func() { byC <- ctest.Delete(uintptr(h), goType) }()
		err := h.Release()
		status := <-byC
		if (err == nil) == (status == 0) {
			t.Fatalf("Go: %v, C: %v", err, haft.Status(status))
		}
	}
}

func TestObjectsOfC(t *testing.T) {
	typ := haft.TypeAt(ctest.CType())
	before := ctest.Destroyed()
	h, err := typ.New(ctest.Object())
	suite.Want(t, err, core.OK)
	_, err = h.Lookup()
	suite.Want(t, err, haft.ErrWrongType)
	suite.Want(t, h.Release(), haft.ErrWrongType)
	suite.Want(t, h.Check(), core.OK)
	pin, err := typ.Pin(h)
	suite.Want(t, err, core.OK)
	if pin.Object() == nil {
		t.Error("no object")
	}
	suite.Want(t, typ.Release(h), core.OK)
	suite.Want(t, typ.Release(h), haft.ErrStale)
	if ctest.Destroyed() != before {
		t.Error("destroyed while it is pinned")
	}
	pin.Unpin()
	pin.Unpin()
	if ctest.Destroyed() != before+1 || pin.Object() != nil {
		t.Error("not destroyed by the last unpin")
	}
	_, err = typ.Pin(h)
	suite.Want(t, err, haft.ErrStale)
	_, err = haft.Type{}.New(nil)
	suite.Want(t, err, haft.ErrInvalid)
	value := haft.NewHandle(1)
	suite.Want(t, typ.Release(value), haft.ErrWrongType)
	_, err = typ.Pin(value)
	suite.Want(t, err, haft.ErrWrongType)
	value.Delete()
}

// A pin of C keeps the slot, and the value goes at once.
func TestDeleteOfAPinnedValue(t *testing.T) {
	h, collected := func() (haft.Handle, chan struct{}) {
		v, collected := suite.Watched()
		return haft.NewHandle(v), collected
	}()
	pin, err := haft.ValueType().Pin(h)
	suite.Want(t, err, core.OK)
	if pin.Object() != nil {
		t.Error("C has found an object")
	}
	h.Delete()
	suite.AwaitCollection(t, collected)
	suite.Want(t, h.Check(), haft.ErrStale)
	for i := 0; i < 1000; i++ { // settles, while the pin is held
		other := haft.NewHandle(i)
		if uintptr(other)&(1<<27-1) == uintptr(h)&(1<<27-1) {
			t.Error("the slot of a pinned handle is used again")
		}
		other.Delete()
	}
	pin.Unpin()
}

// C may give the type of Go values to a handle that Go has not made.
func TestAHandleThatGoHasNotMade(t *testing.T) {
	word, status := ctest.New(goType)
	if status != 0 {
		t.Fatal(status)
	}
	_, err := haft.Handle(word).Lookup()
	suite.Want(t, err, haft.ErrNeverIssued)
	suite.Want(t, haft.Handle(word).Release(), core.OK)
	_, err = haft.Handle(word).Lookup()
	suite.Want(t, err, haft.ErrStale)
}

func TestWithoutALoanEverythingIsACall(t *testing.T) {
	if !inAProcess(t) {
		return
	}
	if n := ctest.LendAll(); n < 100 {
		t.Fatalf("only %d loans", n)
	}
	suite.Run(t, api)
	if n := haft.Sweep(); n != 0 {
		t.Errorf("%d values are left", n)
	}
	ctest.ReturnAll()
	suite.Run(t, api)
	if n := ctest.LendAll(); n >= 240 {
		t.Errorf("Go has taken no loan: %d are left", n)
	}
	ctest.ReturnAll()
}

func TestWhileDiagnosticsWatch(t *testing.T) {
	if !inAProcess(t, "HAFT_DIAGNOSE=sites") {
		return
	}
	suite.Run(t, api)
	h := haft.NewHandle(1)
	h.Delete()
	_, err := h.Lookup()
	suite.Want(t, err, haft.ErrStale)
	if !regexp.MustCompile(`created at \S*/c_test.go:\d+ by thread .*deleted at \S*/c_test.go:\d+ by thread`).MatchString(err.Error()) {
		t.Errorf("%v does not say where it was made and deleted", err)
	}
	h, err = haft.New(1)
	suite.Want(t, err, core.OK)
	suite.Want(t, h.Release(), core.OK)
	if text := h.Describe(); strings.Count(text, "c_test.go") < 2 {
		t.Error(text)
	}
}

func TestAFullTable(t *testing.T) {
	if !inAProcess(t, "HAFT_CAPACITY=1000") {
		return
	}
	stats, err := haft.Stats()
	suite.Want(t, err, core.OK)
	var handles []haft.Handle
	for {
		h, err := haft.New(len(handles))
		if err != nil {
			suite.Want(t, err, haft.ErrFull)
			break
		}
		handles = append(handles, h)
	}
	if uint64(len(handles)) < stats.Capacity {
		t.Errorf("%d handles, and the capacity is %d", len(handles), stats.Capacity)
	}
	func() {
		defer func() {
			if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "haft: ran out of handle space") {
				t.Errorf("%v", text)
			}
		}()
		haft.NewHandle(0)
	}()
	for i, h := range handles {
		if h.Value() != i {
			t.Errorf("%v instead of %d", h.Value(), i)
		}
	}
	for round := 0; round < 3; round++ {
		for i, h := range handles {
			h.Delete()
			var err error
			handles[i], err = haft.New(i)
			suite.Want(t, err, core.OK)
		}
	}
	for _, h := range handles {
		h.Delete()
	}
	suite.Run(t, api)
}

func TestStatisticsAreExact(t *testing.T) {
	if !inAProcess(t) {
		return
	}
	var handles []haft.Handle
	for i := 0; i < 1001; i++ {
		handles = append(handles, haft.NewHandle(i))
	}
	for _, h := range handles[:301] {
		h.Delete()
	}
	stats, err := haft.Stats()
	suite.Want(t, err, core.OK)
	if stats.Live != 700 || stats.Created != 1001 || stats.Deleted != 301 {
		t.Errorf("%+v", stats)
	}
}

// For any word, Lookup answers what C answers, and changes nothing.
func FuzzLookup(f *testing.F) {
	live := haft.NewHandle("live")
	ended := haft.NewHandle("ended")
	ended.Delete()
	object, _ := ctest.New(ctest.CType())
	for _, word := range []uintptr{0, 1, 2, ^uintptr(0), uintptr(live), uintptr(ended), object, uintptr(live) ^ 1, uintptr(live) + 1<<27,
		uintptr(live) ^ 1<<63} {
		f.Add(uint64(word), uint64(0))
	}
	f.Add(uint64(1)<<62, uint64(1))
	f.Fuzz(func(t *testing.T, word, change uint64) {
		// Words near live handles are the interesting ones, and a corpus cannot name them.
		for _, base := range []uintptr{0, uintptr(live), uintptr(ended), object} {
			h := haft.Handle(base ^ uintptr(word) ^ uintptr(change)<<27)
			v, err := h.Lookup()
			status, _ := ctest.Value(uintptr(h), goType)
			if status == 0 {
				if h != live || v != "live" {
					t.Errorf("%#x: %v", h, v)
				}
				continue
			}
			suite.Want(t, err, haft.Status(status))
			if h != haft.Handle(object) {
				suite.Want(t, h.Release(), haft.Status(status))
			}
		}
		if live.Value() != "live" {
			t.Error("lost")
		}
	})
}
