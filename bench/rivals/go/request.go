package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// request is a run, as docs/study_protocol.md explains each key.
type request struct {
	arm, workload       string
	threads             int
	cpus                [][]int // nil: not pinned
	seed                uint64
	warmUpNs, measureNs int64
	live, capacity      int
	skew                skew
	mix                 mix
	think               think
	valueWords          int
	touch               bool
	batch, burst, hold  int
	rate                float64 // arrivals a second and thread; 0: closed
	latency             uint64  // one of so many operations is timed; 0: none
	counters            []string
	hugePages           bool
	lifetime            int
	bystanders          int
	producers           int
}

type skew struct {
	kind    string
	s       float64 // Zipf: the exponent
	keys    int     // hot: so many keys get so many percent
	percent float64
}

type mix struct {
	find, updates, stale float64 // there are as many Deletes as News, which are the updates
}

type think struct {
	kind string
	ns   float64 // on average
}

// isPlain returns whether an operation follows the last one at once, and none is timed.
func (r *request) isPlain() bool {
	return r.latency == 0 && r.rate == 0 && r.think.kind == "none"
}

// refused is the panic of a request that cannot be run because of a key, and cannot that of an arm that lacks a member.
type refused struct{ key, why string }
type cannot struct{ missing, why string }

const (
	maxThreads = 65535
	maxTimeNs  = 86_400_000_000_000 // a day
	maxCount   = 1 << 32
	maxCells   = 1 << 30
)

// reader reads an object whose keys are all known, and all read. It panics with refused.
type reader struct {
	path   string // of the object, for messages
	object map[string]any
	read   map[string]bool
}

func newReader(value any, path string) *reader {
	object, ok := value.(map[string]any)
	if !ok {
		panic(refused{path, "must be an object"})
	}
	return &reader{path, object, map[string]bool{}}
}

func (r *reader) pathOf(key string) string {
	if r.path == "" {
		return key
	}
	return r.path + "." + key
}

func (r *reader) fail(key, format string, values ...any) {
	panic(refused{r.pathOf(key), fmt.Sprintf(format, values...)})
}

func (r *reader) at(key string) any {
	r.read[key] = true
	value, ok := r.object[key]
	if !ok {
		r.fail(key, "is missing")
	}
	return value
}

func (r *reader) unsigned(key string, least, most uint64) uint64 {
	number, _ := r.at(key).(json.Number)
	value, err := strconv.ParseUint(number.String(), 10, 64)
	if err != nil || value < least || value > most {
		r.fail(key, "must be an integer from %d to %d", least, most)
	}
	return value
}

func (r *reader) integer(key string, least, most uint64) int {
	return int(r.unsigned(key, least, most))
}

func (r *reader) number(key string, least, most float64) float64 {
	number, _ := r.at(key).(json.Number)
	value, err := number.Float64()
	if err != nil || value < least || value > most {
		r.fail(key, "must be a number from %g to %g", least, most)
	}
	return value
}

func (r *reader) boolean(key string) bool {
	value, ok := r.at(key).(bool)
	if !ok {
		r.fail(key, "must be true or false")
	}
	return value
}

func (r *reader) text(key string) string {
	value, ok := r.at(key).(string)
	if !ok {
		r.fail(key, "must be a string")
	}
	return value
}

func (r *reader) inner(key string) *reader { return newReader(r.at(key), r.pathOf(key)) }

// refuseOthers is called when everything has been read.
func (r *reader) refuseOthers() {
	for key := range r.object {
		if !r.read[key] {
			r.fail(key, "is unknown")
		}
	}
}

func parseSkew(r *reader, live int) skew {
	parsed := skew{kind: r.text("kind")}
	switch parsed.kind {
	case "uniform":
	case "zipf":
		parsed.s = r.number("s", 0, 10)
	case "hot":
		most := uint64(live)
		if most == 0 {
			most = 1
		}
		parsed.keys = r.integer("keys", 1, most)
		parsed.percent = r.number("percent", 0, 100)
	default:
		r.fail("kind", "must be uniform, zipf or hot")
	}
	r.refuseOthers()
	return parsed
}

func parseMix(r *reader) mix {
	parsed := mix{r.number("find", 0, 100), r.number("new", 0, 100), r.number("stale", 0, 100)}
	if r.number("delete", 0, 100) != parsed.updates {
		r.fail("delete", "must be the same as mix.new")
	}
	if math.Abs(parsed.find+2*parsed.updates+parsed.stale-100) > 1e-6 {
		panic(refused{r.path, "the percentages must sum to 100"})
	}
	r.refuseOthers()
	return parsed
}

func parseThink(r *reader) think {
	parsed := think{kind: r.text("kind")}
	switch parsed.kind {
	case "none":
	case "constant", "exponential":
		parsed.ns = r.number("ns", 0, 1e9)
	default:
		r.fail("kind", "must be none, constant or exponential")
	}
	r.refuseOthers()
	return parsed
}

func parseArrival(r *reader) float64 {
	rate := 0.0
	switch r.text("kind") {
	case "closed":
	case "open":
		rate = r.number("rate", 1e-3, 1e9)
	default:
		r.fail("kind", "must be closed or open")
	}
	r.refuseOthers()
	return rate
}

func parseCpus(r *reader, threads int) [][]int {
	value := r.at("cpus")
	if value == nil {
		return nil
	}
	lists, ok := value.([]any)
	if !ok || len(lists) != threads {
		r.fail("cpus", "must be null or a list for each thread")
	}
	allowed := map[int]bool{}
	for _, cpu := range allowedCpus() {
		allowed[cpu] = true
	}
	cpus := make([][]int, threads)
	for i, list := range lists {
		items, ok := list.([]any)
		if !ok || len(items) == 0 {
			r.fail("cpus", "the list of each thread must name a CPU")
		}
		for _, item := range items {
			number, _ := item.(json.Number)
			cpu, err := strconv.Atoi(number.String())
			if err != nil {
				r.fail("cpus", "a CPU must be an integer")
			}
			if !allowed[cpu] {
				r.fail("cpus", "CPU %d is not there, or this process may not use it", cpu)
			}
			cpus[i] = append(cpus[i], cpu)
		}
	}
	return cpus
}

func parseCounters(r *reader) []string {
	names, ok := r.at("counters").([]any)
	if !ok {
		r.fail("counters", "must be a list of names")
	}
	counters := []string{}
	for _, item := range names {
		name, _ := item.(string)
		if _, ok := events[name]; !ok {
			r.fail("counters", "%v is no event. There are %s", item, strings.Join(eventNames(), ", "))
		}
		counters = append(counters, name)
	}
	return counters
}

// parseRequest returns the run that an object asks for. It panics with refused.
func parseRequest(object map[string]any) *request {
	r := newReader(object, "")
	r.at("protocol")
	r.at("mode")
	q := &request{arm: r.text("arm"), workload: r.text("workload")}
	q.threads = r.integer("threads", 1, maxThreads)
	q.cpus = parseCpus(r, q.threads)
	q.seed = r.unsigned("seed", 0, math.MaxUint64)
	q.warmUpNs = int64(r.unsigned("warm_up_ns", 0, maxTimeNs))
	q.measureNs = int64(r.unsigned("measure_ns", 1, maxTimeNs))
	q.live = r.integer("live", 0, maxCells)
	q.capacity = r.integer("capacity", 1, maxCount)
	if q.live > q.capacity {
		r.fail("live", "must not be more than the capacity")
	}
	q.skew = parseSkew(r.inner("skew"), q.live)
	q.mix = parseMix(r.inner("mix"))
	q.think = parseThink(r.inner("think"))
	q.valueWords = r.integer("value_words", 1, 8)
	q.touch = r.boolean("touch")
	q.batch = r.integer("batch", 1, maxCount)
	q.burst = r.integer("burst", 1, maxCount)
	q.hold = r.integer("hold", 1, maxCount)
	q.rate = parseArrival(r.inner("arrival"))
	q.latency = r.unsigned("latency", 0, maxCount/2)
	q.counters = parseCounters(r)
	q.hugePages = r.boolean("huge_pages")
	q.lifetime = r.integer("lifetime", 1, maxCount)
	q.bystanders = r.integer("bystanders", 0, maxThreads)
	q.producers = r.integer("producers", 1, maxThreads)
	r.refuseOthers()
	return q
}

// parseObject returns the object that the text is, with its numbers as they are written.
func parseObject(text []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil || object == nil || decoder.More() {
		return nil, fmt.Errorf("the request on stdin is not one JSON object")
	}
	return object, nil
}
