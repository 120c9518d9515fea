// Package suite tests what holds for the handles of both packages, haft and pure.
package suite

import (
	"errors"
	"fmt"
	"math/rand"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"haft.dev/haft/internal/core"
)

// API is the functions of a package.
type API struct {
	NewHandle func(v any) uintptr
	Value     func(h uintptr) any
	Delete    func(h uintptr)
	New       func(v any) (uintptr, error)
	Lookup    func(h uintptr) (any, error)
	Release   func(h uintptr) error
	Check     func(h uintptr) error
	Describe  func(h uintptr) string
}

// Rounds is a tenth with -short, for the runs in which everything takes longer.
func Rounds(usual int) int {
	if testing.Short() {
		return usual / 10
	}
	return usual
}

// Want fails the test unless the error is the status.
func Want(t testing.TB, got error, want core.Status) {
	t.Helper()
	if want == core.OK {
		if got != nil {
			t.Errorf("got %v, want no error", got)
		}
		return
	}
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
		return
	}
	var all *core.Error
	if errors.As(got, &all) && (all.Status != want || all.Op == "") {
		t.Errorf("%#v is not of %v", all, want)
	}
}

// AwaitCollection collects until `collected` is closed.
func AwaitCollection(t *testing.T, collected chan struct{}) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		runtime.GC()
		select {
		case <-collected:
			return
		default:
			runtime.Gosched()
		}
	}
	t.Fatal("the value was not collected")
}

type big [64]int

// Watched returns a value, and a channel that is closed when the collector has taken it.
func Watched() (any, chan struct{}) {
	v, collected := new(big), make(chan struct{})
	runtime.SetFinalizer(v, func(*big) { close(collected) })
	return v, collected
}

// IsCollected tells whether it is closed, after several collections.
func IsCollected(collected chan struct{}) bool {
	for i := 0; i < 5; i++ {
		runtime.GC()
		time.Sleep(time.Millisecond) // for the finalizers' goroutine; no test needs it to have run
		select {
		case <-collected:
			return true
		default:
		}
	}
	return false
}

// Run runs all tests.
func Run(t *testing.T, api API) {
	for name, test := range map[string]func(*testing.T, API){
		"ValueUntilDelete":                valueUntilDelete,
		"EveryKindOfValue":                everyKindOfValue,
		"MisusePanicsWithAString":         misusePanicsWithAString,
		"RefusalsHaveReasons":             refusalsHaveReasons,
		"ForgedWordsAreRefused":           forgedWordsAreRefused,
		"WordsHaveTheLayout":              wordsHaveTheLayout,
		"NoHandleIsIssuedTwice":           noHandleIsIssuedTwice,
		"DeleteLetsGoOfTheValue":          deleteLetsGoOfTheValue,
		"HandlesKeepValuesAlive":          handlesKeepValuesAlive,
		"OneReleaseOfMany":                oneReleaseOfMany,
		"ReadersAgainstADelete":           readersAgainstADelete,
		"ReadersSeeWholeValues":           readersSeeWholeValues,
		"NewHappensBeforeLookup":          newHappensBeforeLookup,
		"ManyGoroutines":                  manyGoroutines,
		"HandlesOfThreadsThatEnd":         handlesOfThreadsThatEnd,
		"CollectionsBesideUse":            collectionsBesideUse,
		"HandlesMadeHereAndReleasedThere": madeHereAndReleasedThere,
	} {
		test := test
		t.Run(name, func(t *testing.T) { test(t, api) })
	}
}

func valueUntilDelete(t *testing.T, api API) {
	h := api.NewHandle("haft")
	if h == 0 || h%2 == 0 {
		t.Errorf("%#x is no handle", h)
	}
	if got := api.Value(h); got != "haft" {
		t.Errorf("got %v", got)
	}
	Want(t, api.Check(h), core.OK)
	api.Delete(h)
	_, err := api.Lookup(h)
	Want(t, err, core.Stale)
	Want(t, api.Release(h), core.Stale)
	Want(t, api.Check(h), core.Stale)
	h, err = api.New(7)
	Want(t, err, core.OK)
	v, err := api.Lookup(h)
	Want(t, err, core.OK)
	if v != 7 {
		t.Errorf("got %v", v)
	}
	Want(t, api.Release(h), core.OK)
}

func everyKindOfValue(t *testing.T, api API) {
	type pair struct{ a, b int }
	text := "text"
	for round := 0; round < 3; round++ { // with different types in one slot
		for _, v := range []any{nil, 0, int64(1) << 40, "", text, &text, (*int)(nil), pair{1, 2}, [0]int{}, errors.New("x"), 1.5, true,
			make(chan int), struct{}{}} {
			h := api.NewHandle(v)
			if got := api.Value(h); got != v {
				t.Errorf("got %#v, want %#v", got, v)
			}
			api.Delete(h)
		}
	}
	h := api.NewHandle(func() int { return 42 })
	if api.Value(h).(func() int)() != 42 {
		t.Error("another function")
	}
	api.Delete(h)
}

func misusePanicsWithAString(t *testing.T, api API) {
	h := api.NewHandle(1)
	api.Delete(h)
	for name, use := range map[string]func(uintptr){"Lookup": func(h uintptr) { api.Value(h) }, "Release": api.Delete} {
		for word, status := range map[uintptr]core.Status{0: core.Null, 2: core.Malformed, h: core.Stale} {
			func() {
				defer func() {
					text, ok := recover().(string)
					if !ok || !strings.HasPrefix(text, "haft: misuse of an invalid Handle: ") ||
						!strings.Contains(text, status.Text()) || !strings.Contains(text, name) {
						t.Errorf("%s of %#x: %q", name, word, text)
					}
				}()
				use(word)
			}()
		}
	}
}

func refusalsHaveReasons(t *testing.T, api API) {
	live := api.NewHandle(1)
	defer api.Delete(live)
	ended := api.NewHandle(1)
	api.Delete(ended)
	wanted := map[uintptr]core.Status{0: core.Null, 2: core.Malformed, 1: core.Malformed, live ^ 1: core.Malformed, ended: core.Stale}
	if ^uintptr(0)>>32 != 0 {
		wanted[^uintptr(0)] = core.Malformed // on 32 bits it could be a handle
	}
	for word, want := range wanted {
		v, err := api.Lookup(word)
		Want(t, err, want)
		if v != nil {
			t.Errorf("got %v with an error", v)
		}
		Want(t, api.Check(word), want)
		err = api.Release(word)
		Want(t, err, want)
		var all *core.Error
		if !errors.As(err, &all) {
			t.Fatalf("%T", err)
		}
		if all.Word != word || all.Op != "Release" || all.Detail != api.Describe(word) {
			t.Errorf("%#v", all)
		}
		if text := err.Error(); !strings.Contains(text, want.Text()) || !strings.Contains(text, all.Detail) {
			t.Errorf("%q does not say why", text)
		}
	}
	if api.Value(live) != 1 {
		t.Error("a refusal has changed another handle")
	}
}

func forgedWordsAreRefused(t *testing.T, api API) {
	h := api.NewHandle(1)
	defer api.Delete(h)
	for bit := 0; bit < 64 && h>>bit != 0; bit++ {
		word := h ^ 1<<bit
		if _, err := api.Lookup(word); err == nil {
			t.Errorf("bit %d is not checked by Lookup", bit)
		}
		if err := api.Release(word); err == nil {
			t.Errorf("bit %d is not checked by Release", bit)
		}
	}
	random := rand.New(rand.NewSource(1))
	for i := 0; i < Rounds(10_000); i++ {
		word := uintptr(random.Uint64())
		if word == h {
			continue
		}
		if _, err := api.Lookup(word); err == nil {
			t.Errorf("%#x was found", word)
		}
	}
	if api.Value(h) != 1 {
		t.Error("lost")
	}
}

func wordsHaveTheLayout(t *testing.T, api API) {
	if ^uintptr(0)>>32 == 0 {
		t.Skip("of 64 bits")
	}
	for i := 0; i < 300; i++ {
		h := api.NewHandle(i)
		if uint64(h)>>62 != 1 || h&1 != 1 || uint64(h)>>27&(1<<35-1) == 0 {
			t.Errorf("%#x", h)
		}
		api.Delete(h)
	}
}

func noHandleIsIssuedTwice(t *testing.T, api API) {
	const count = 20_000
	seen := make(map[uintptr]bool, count)
	var kept []uintptr
	for i := 0; i < count; i++ {
		h := api.NewHandle(i)
		if seen[h] {
			t.Fatalf("%#x for the second time", h)
		}
		seen[h] = true
		if i%3 == 0 {
			kept = append(kept, h)
		} else {
			api.Delete(h)
		}
	}
	for i, h := range kept {
		if api.Value(h) != 3*i {
			t.Fatalf("%v instead of %d", api.Value(h), 3*i)
		}
		api.Delete(h)
	}
	for h := range seen {
		_, err := api.Lookup(h)
		Want(t, err, core.Stale)
	}
}

func deleteLetsGoOfTheValue(t *testing.T, api API) {
	h, collected := func() (uintptr, chan struct{}) {
		v, collected := Watched()
		h := api.NewHandle(v)
		runtime.GC()
		if api.Value(h) != v {
			t.Error("another value")
		}
		return h, collected
	}()
	api.Delete(h)
	AwaitCollection(t, collected)
}

func handlesKeepValuesAlive(t *testing.T, api API) {
	h, collected := func() (uintptr, chan struct{}) {
		v, collected := Watched()
		return api.NewHandle(v), collected
	}()
	if IsCollected(collected) {
		t.Error("collected while its handle is live")
	}
	if _, ok := api.Value(h).(*big); !ok {
		t.Error("another value")
	}
	api.Delete(h)
	AwaitCollection(t, collected)
}

func oneReleaseOfMany(t *testing.T, api API) {
	for round := 0; round < Rounds(1000); round++ {
		h := api.NewHandle(round)
		var successes int32
		var done sync.WaitGroup
		for i := 0; i < 3; i++ {
			done.Add(1)
			go func() {
				defer done.Done()
				if err := api.Release(h); err == nil {
					atomic.AddInt32(&successes, 1)
				} else {
					Want(t, err, core.Stale)
				}
			}()
		}
		done.Wait()
		if successes != 1 {
			t.Fatalf("%d releases have succeeded", successes)
		}
	}
}

func readersAgainstADelete(t *testing.T, api API) {
	for round := 0; round < Rounds(200); round++ {
		h := api.NewHandle(round)
		var started, done sync.WaitGroup
		for reader := 0; reader < 3; reader++ {
			started.Add(1)
			done.Add(1)
			go func() {
				defer done.Done()
				started.Done()
				for {
					v, err := api.Lookup(h)
					if err != nil {
						Want(t, err, core.Stale)
						return
					}
					if v != round {
						t.Errorf("got %v in round %d", v, round)
					}
					runtime.Gosched()
				}
			}()
		}
		started.Wait()
		api.Delete(h)
		done.Wait()
	}
}

// Values of two types follow each other in the same slots. A reader that saw one's type and the other's data would read
// wrong memory.
func readersSeeWholeValues(t *testing.T, api API) {
	type first struct{ word, again uintptr }
	type second struct{ text string }
	var shared [4]uintptr
	var stop uint32
	var readers sync.WaitGroup
	var found uint64
	for i := 0; i < 2; i++ {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for n := 0; atomic.LoadUint32(&stop) == 0; n++ {
				if n%256 == 0 {
					runtime.Gosched()
				}
				v, err := api.Lookup(atomic.LoadUintptr(&shared[n%len(shared)]))
				if err != nil {
					continue
				}
				atomic.AddUint64(&found, 1)
				switch v := v.(type) {
				case *first:
					if v.word != v.again {
						t.Errorf("%v", *v)
					}
				case *second:
					if !strings.HasPrefix(v.text, "number ") {
						t.Errorf("%q", v.text)
					}
				case int:
				default:
					t.Errorf("%T", v)
				}
			}
		}()
	}
	for n := 0; n < Rounds(20_000); n++ {
		var v any
		switch n % 3 {
		case 0:
			v = &first{uintptr(n), uintptr(n)}
		case 1:
			v = &second{fmt.Sprint("number ", n)}
		default:
			v = n
		}
		place := &shared[n%len(shared)]
		if old := atomic.SwapUintptr(place, api.NewHandle(v)); old != 0 {
			api.Delete(old)
		}
		if n%64 == 0 {
			runtime.Gosched()
		}
	}
	atomic.StoreUint32(&stop, 1)
	readers.Wait()
	for _, h := range shared {
		api.Delete(h)
	}
	if found == 0 {
		t.Error("no reader has found anything")
	}
}

// The word travels without any synchronisation that the race detector knows, so it sees a race unless New and Lookup order
// what happens before them and after them.
func newHappensBeforeLookup(t *testing.T, api API) {
	for round := 0; round < Rounds(200); round++ {
		channel := make(chan uintptr, 1)
		content := new(int)
		var done sync.WaitGroup
		done.Add(1)
		go func() {
			defer done.Done()
			*content = round
			channel <- api.NewHandle(content)
		}()
		h := <-channel
		if got := *api.Value(h).(*int); got != round {
			t.Errorf("got %d in round %d", got, round)
		}
		api.Delete(h)
		done.Wait()
	}
}

func manyGoroutines(t *testing.T, api API) {
	var done sync.WaitGroup
	for g := 0; g < 300; g++ {
		done.Add(1)
		go func(g int) {
			defer done.Done()
			random := rand.New(rand.NewSource(int64(g)))
			live := map[uintptr]int{}
			for i := 0; i < Rounds(500); i++ {
				if len(live) < 10 || random.Intn(2) == 0 {
					live[api.NewHandle(g<<20|i)] = g<<20 | i
					continue
				}
				for h, v := range live {
					if got := api.Value(h); got != v {
						t.Errorf("got %v, want %d", got, v)
					}
					api.Delete(h)
					delete(live, h)
					if _, err := api.Lookup(h); !errors.Is(err, core.Stale) {
						t.Errorf("%v", err)
					}
					break
				}
				if i%50 == 0 {
					runtime.Gosched()
				}
			}
			for h := range live {
				api.Delete(h)
			}
		}(g)
	}
	done.Wait()
}

func handlesOfThreadsThatEnd(t *testing.T, api API) {
	var handles [50]uintptr
	var done sync.WaitGroup
	for i := range handles {
		done.Add(1)
		go func(i int) {
			defer done.Done()
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			handles[i] = api.NewHandle(i)
		}(i)
	}
	done.Wait()
	for i, h := range handles {
		if api.Value(h) != i {
			t.Errorf("%d: %v", i, api.Value(h))
		}
		api.Delete(h)
	}
}

func collectionsBesideUse(t *testing.T, api API) {
	var stop uint32
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		for atomic.LoadUint32(&stop) == 0 {
			runtime.GC()
			runtime.Gosched()
		}
	}()
	type node struct {
		n    int
		text string
		next *node
	}
	var live []uintptr
	for i := 0; i < Rounds(10_000); i++ {
		live = append(live, api.NewHandle(&node{i, fmt.Sprint(i), &node{n: -i}}))
		if len(live) == 1000 {
			for _, h := range live[:500] {
				v := api.Value(h).(*node)
				if v.text != fmt.Sprint(v.n) || v.next.n != -v.n {
					t.Errorf("%v", *v)
				}
				api.Delete(h)
			}
			live = append(live[:0], live[500:]...)
		}
	}
	atomic.StoreUint32(&stop, 1)
	done.Wait()
	for _, h := range live {
		api.Delete(h)
	}
}

func madeHereAndReleasedThere(t *testing.T, api API) {
	channel := make(chan uintptr, 1000)
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		n := 0
		for h := range channel {
			if got := api.Value(h); got != n {
				t.Errorf("got %v, want %d", got, n)
			}
			api.Delete(h)
			n++
		}
	}()
	for i := 0; i < Rounds(50_000); i++ {
		channel <- api.NewHandle(i)
	}
	close(channel)
	done.Wait()
}
