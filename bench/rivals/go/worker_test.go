package main

import (
	"encoding/json"
	"math"
	"strings"
	"sync"
	"testing"
)

func TestHistogramKeepsTimesInNarrowBuckets(t *testing.T) {
	h := newHistogram()
	times := []int64{-5, 0, 1, 127, 128, 129, 1000, 65535, 65536, 1 << 40, math.MaxInt64 - 1}
	for _, ns := range times {
		h.record(ns)
	}
	if h.sampled != uint64(len(times)) || h.max != math.MaxInt64-1 {
		t.Errorf("sampled %d, max %d", h.sampled, h.max)
	}
	last, count := uint64(0), uint64(0)
	for _, b := range h.buckets() {
		lower, upper := b[0], b[1]
		if lower < last || upper <= lower || b[2] == 0 {
			t.Errorf("bucket %v after %d", b, last)
		}
		if width := upper - lower; width != 1 && width > lower/64 {
			t.Errorf("bucket %v is %d wide", b, width)
		}
		last, count = upper, count+b[2]
	}
	if count != h.sampled {
		t.Errorf("buckets of %d times, not %d", count, h.sampled)
	}
	for _, ns := range times[1:] {
		i := bucketOf(uint64(ns))
		if lowerOf(i) > uint64(ns) || uint64(ns) >= lowerOf(i+1) {
			t.Errorf("%d is not in bucket %d", ns, i)
		}
	}
	h.clear()
	if len(h.buckets()) != 0 || h.sampled != 0 || h.max != 0 {
		t.Error("it is not empty after clear")
	}
}

// The numbers are those that bench/worker/random.h and draws.h give.
func TestRandomNumbersAreThoseOfTheOtherWorkers(t *testing.T) {
	r := newRandom(37033, 1)
	for _, want := range []uint64{0xdd3743cd, 0xff35ae4a, 0xb407487f} {
		if got := r.below(1 << 32); got != want {
			t.Errorf("got %#x, not %#x", got, want)
		}
	}
	for i := 0; i < 1000; i++ {
		r.unit()
	}
	if got := r.unit(); got != 0x1.05d4781d27768p-3 {
		t.Errorf("got %x", got)
	}
	d := newDraws(newKeyDistribution(skew{kind: "hot", keys: 10, percent: 90}, 100, 37033), 100, mix{70, 10, 10}, 37033, 1)
	for i, want := range [][2]int{
		{0, 6}, {0, 57}, {0, 6}, {1, 1}, {2, 84}, {2, 57}, {2, 1}, {0, 62}, {0, 48}, {0, 6}, {0, 1}, {0, 41},
	} {
		if got := d.next(); int(got.step()) != want[0] || got.cell() != want[1] {
			t.Errorf("draw %d is %d of %d, not %v", i, got.step(), got.cell(), want)
		}
	}
}

// --- Requests ---

func requestFor(arm, workload string) map[string]any {
	return map[string]any{
		"protocol": 1, "mode": "run", "arm": arm, "workload": workload, "threads": 2, "cpus": nil, "seed": 37033,
		"warm_up_ns": 1000000, "measure_ns": 3000000, "live": 100, "capacity": 1000, "skew": map[string]any{"kind": "uniform"},
		"mix":   map[string]any{"find": 70, "new": 10, "delete": 10, "stale": 10},
		"think": map[string]any{"kind": "none"}, "value_words": 1, "touch": false, "batch": 16, "burst": 64, "hold": 8,
		"arrival": map[string]any{"kind": "closed"}, "latency": 0, "counters": []string{}, "huge_pages": false, "lifetime": 100,
		"bystanders": 3, "producers": 1,
	}
}

// ask returns the answer of a worker with these arms.
func ask(t *testing.T, list []arm, q map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = answer(list, text); err != nil {
		t.Fatal(err)
	}
	var result map[string]any
	if err = json.Unmarshal(text, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

// expectRefused checks that a request is refused because of a key.
func expectRefused(t *testing.T, q map[string]any, key string) {
	t.Helper()
	result := ask(t, arms(), q)
	if message, _ := result["message"].(string); result["status"] != "refused" || !strings.HasPrefix(message, key+": ") {
		t.Errorf("%s: %v", key, result)
	}
}

func TestRefusalsNameTheKey(t *testing.T) {
	for key, value := range requestFor("go/sync-map", "churn") {
		q := requestFor("go/sync-map", "churn")
		delete(q, key)
		expectRefused(t, q, key)
		q[key] = "text"
		if _, isText := value.(string); isText {
			q[key] = 1
		}
		expectRefused(t, q, key)
	}
	for _, bad := range []struct {
		key   string
		value any
	}{
		{"threads", 0}, {"threads", 70000}, {"threads", 1.5}, {"measure_ns", 0}, {"warm_up_ns", -1}, {"live", 1001}, {"capacity", 0},
		{"value_words", 3}, {"value_words", 9}, {"batch", 0}, {"counters", []string{"no-such-event"}}, {"cpus", [][]int{{0}}},
		{"cpus", [][]int{{100000}, {100000}}}, {"cpus", [][]int{{}, {0}}}, {"arm", "nobody"}, {"workload", "nothing"},
		{"protocol", 2}, {"mode", "walk"}, {"unknown", 1},
	} {
		q := requestFor("go/sync-map", "churn")
		q[bad.key] = bad.value
		expectRefused(t, q, bad.key)
	}
	for key, value := range map[string]any{
		"skew.kind": "flat", "skew.more": 1, "think.kind": "hard", "think.more": 1, "arrival.kind": "ajar", "arrival.more": 1,
		"mix.find": "text", "mix.delete": 11, "mix.more": 1,
	} {
		q := requestFor("go/sync-map", "churn")
		outer, inner, _ := strings.Cut(key, ".")
		q[outer].(map[string]any)[inner] = value
		expectRefused(t, q, key)
	}
	q := requestFor("go/sync-map", "churn")
	q["mix"].(map[string]any)["find"] = 71
	expectRefused(t, q, "mix")
	q = requestFor("go/sync-map", "hand-off")
	q["threads"] = 3
	expectRefused(t, q, "threads")
	q = requestFor("go/sync-map", "mixed")
	q["live"] = 1
	expectRefused(t, q, "live")
	q = requestFor("go/sync-map", "burst")
	q["burst"] = 1000
	expectRefused(t, q, "capacity")
}

func TestTextThatIsNoObjectIsAnError(t *testing.T) {
	for _, text := range []string{"", "1", "null", "[]", "{", "{} {}"} {
		if _, err := answer(arms(), []byte(text)); err == nil {
			t.Errorf("%q has an answer", text)
		}
	}
}

func TestMissingMemberIsNamed(t *testing.T) {
	result := ask(t, arms(), requestFor("go/mutex-map", "pin"))
	if result["status"] != "cannot" || result["missing"] != "Pin" {
		t.Error(result)
	}
}

// --- Runs ---

// count returns the count of an operation over all threads.
func count(result map[string]any, operation, outcome string) float64 {
	total := 0.0
	for _, one := range result["threads"].([]any) {
		counts, _ := one.(map[string]any)["operations"].(map[string]any)[operation].(map[string]any)
		number, _ := counts[outcome].(float64)
		total += number
	}
	return total
}

func TestEveryWorkloadOfEveryArmEndsWell(t *testing.T) {
	for _, a := range arms() {
		for workload, member := range a.workloads {
			if member != "" {
				continue
			}
			for _, latency := range []int{0, 1} {
				q := requestFor(a.name, workload)
				q["latency"], q["touch"] = latency, true
				if workload == "grow" {
					q["measure_ns"] = 60000000000 // it ends before, when the capacity is used up
				}
				result := ask(t, arms(), q)
				if result["status"] != "ok" {
					t.Errorf("%s %s: %v", a.name, workload, result)
				} else if workload == "grow" && count(result, "new", "done") != 900 {
					t.Errorf("%s %s: %v", a.name, workload, result["threads"])
				}
			}
		}
	}
}

// fault is what a table does wrong now and then.
type fault int

const (
	forgets fault = iota
	findsStale
	issuesTwice
	mixesUp
	panics
	isFull // which is no fault
)

// faulty is a map that has one of the faults.
type faulty struct{ *faultyState }
type faultyState struct {
	mutex   sync.Mutex
	fault   fault
	calls   int
	last    uint64
	objects map[uint64]*object
	other   object
}

func (f faulty) isDue(one fault) bool {
	f.calls++
	return f.fault == one && f.calls%50 == 0
}

func (f faulty) New(value *object) uint64 {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.fault == isFull && len(f.objects) >= 100 {
		return noKey
	}
	if !f.isDue(issuesTwice) {
		f.last++
	}
	f.objects[f.last] = value
	return f.last
}
func (f faulty) Find(key uint64) (*object, bool) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.isDue(panics) {
		panic(misuse)
	}
	return f.found(key)
}
func (f faulty) found(key uint64) (*object, bool) {
	value, ok := f.objects[key]
	if !ok {
		return nil, f.isDue(findsStale)
	}
	if f.isDue(forgets) {
		return nil, false
	}
	if f.isDue(mixesUp) {
		return &f.other, true
	}
	return value, true
}
func (f faulty) FindAny(key uint64) (*object, bool) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.found(key)
}
func (f faulty) Delete(key uint64) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	_, ok := f.objects[key]
	delete(f.objects, key)
	return ok
}
func (f faulty) DeleteAny(key uint64) bool { return f.Delete(key) }

// faultyArms has one arm, of the name "faulty".
func faultyArms(one fault) []arm {
	return []arm{armOf("faulty", func(int) faulty {
		return faulty{&faultyState{fault: one, objects: map[uint64]*object{}}}
	})}
}

func TestWrongAnswersAreReported(t *testing.T) {
	for _, one := range []struct {
		fault    fault
		workload string
		answer   wrong
	}{
		{forgets, "find", wrongNotFound}, {forgets, "mixed", wrongNotFound}, {findsStale, "stale", wrongStaleFound},
		{findsStale, "mixed", wrongStaleFound}, {issuesTwice, "find", wrongTwice}, {mixesUp, "shared-mix", wrongOtherValue},
		{panics, "find", wrongMisuse}, {panics, "mixed", wrongMisuse},
	} {
		result := ask(t, faultyArms(one.fault), requestFor("faulty", one.workload))
		message, _ := result["message"].(string)
		if result["status"] != "wrong" || !strings.Contains(message, wrongAnswers[one.answer]) {
			t.Errorf("%s %v: status %v, message %v", one.workload, one.fault, result["status"], message)
		}
	}
}

func TestFullTableIsNotWrong(t *testing.T) {
	result := ask(t, faultyArms(isFull), requestFor("faulty", "churn"))
	if result["status"] != "ok" || count(result, "new", "done") != 0 || count(result, "new", "failed") == 0 {
		t.Error(result)
	}
}

func TestStaleHandlesOfCgoAreRefused(t *testing.T) {
	handles := newCgoHandles(1)
	value := new(object)
	key := handles.New(value)
	if found, ok := handles.FindAny(key); !ok || found != value {
		t.Error("a live handle is not found")
	}
	if !handles.DeleteAny(key) || handles.DeleteAny(key) {
		t.Error("a handle cannot be deleted just once")
	}
	if _, ok := handles.FindAny(key); ok {
		t.Error("a stale handle is found")
	}
}
