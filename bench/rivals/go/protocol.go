package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
)

const protocol = 1

// The answers, as the schema has them.
type (
	describeAnswer struct {
		Protocol int           `json:"protocol"`
		Arms     []describeArm `json:"arms"`
	}
	describeArm struct {
		Name        string             `json:"name"`
		Version     string             `json:"version"`
		Progress    string             `json:"progress"`
		Workloads   map[string]*string `json:"workloads"`
		ValueWords  []int              `json:"value_words"`
		MaxThreads  *int               `json:"max_threads"`
		MaxCapacity *int               `json:"max_capacity"`
		Compiler    string             `json:"compiler"`
		Flags       string             `json:"flags"`
		Optimized   bool               `json:"optimized"`
		Assertions  bool               `json:"assertions"`
		Sanitizer   *string            `json:"sanitizer"`
		Libraries   map[string]string  `json:"libraries"`
	}
	notMeasuredAnswer struct {
		Protocol int     `json:"protocol"`
		Status   string  `json:"status"`
		Message  string  `json:"message"`
		Missing  *string `json:"missing"`
	}
	clockAnswer struct {
		Name        string  `json:"name"`
		CostNs      float64 `json:"cost_ns"`
		Granularity int64   `json:"granularity_ns"`
	}
	countAnswer struct {
		Done   uint64 `json:"done"`
		Failed uint64 `json:"failed"`
	}
	threadAnswer struct {
		Ns            int64                  `json:"ns"`
		Cpus          []int                  `json:"cpus"`
		Moves         uint64                 `json:"moves"`
		MovesAreExact bool                   `json:"moves_are_exact"`
		Operations    map[string]countAnswer `json:"operations"`
	}
	latencyAnswer struct {
		Thread    int      `json:"thread"`
		Operation string   `json:"operation"`
		Sampled   uint64   `json:"sampled"`
		MaxNs     int64    `json:"max_ns"`
		Buckets   []bucket `json:"buckets"`
	}
	measuredAnswer struct {
		Protocol      int                `json:"protocol"`
		Status        string             `json:"status"`
		Message       *string            `json:"message"`
		Missing       *string            `json:"missing"`
		Clock         clockAnswer        `json:"clock"`
		ThinkNs       float64            `json:"think_ns"`
		Threads       []threadAnswer     `json:"threads"`
		Memory        memory             `json:"memory"`
		Faults        map[string]int64   `json:"faults"`
		Switches      map[string]int64   `json:"switches"`
		Migrations    *uint64            `json:"migrations"`
		Counters      map[string]*uint64 `json:"counters"`
		CountersError *string            `json:"counters_error"`
		Allocator     string             `json:"allocator"`
		HugePages     *bool              `json:"huge_pages"`
		Latency       []latencyAnswer    `json:"latency"`
	}
)

// orNull returns nil for an empty text.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// buildSettings returns the settings of the build, as `go version -m` prints them.
func buildSettings() map[string]string {
	settings := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			settings[setting.Key] = setting.Value
		}
	}
	return settings
}

func describe(list []arm) describeAnswer {
	settings := buildSettings()
	flags := []string{}
	for key, value := range settings {
		if !strings.HasPrefix(key, "vcs") {
			flags = append(flags, key+"="+value)
		}
	}
	sort.Strings(flags)
	sanitizer := ""
	if settings["-race"] == "true" {
		sanitizer = "thread"
	} else if settings["-asan"] == "true" {
		sanitizer = "address"
	}
	result := describeAnswer{Protocol: protocol, Arms: []describeArm{}}
	for _, a := range list {
		described := describeArm{
			Name: a.name, Version: runtime.Version(),
			// New and Delete of each of them take a mutex, at least now and then.
			Progress: "blocking", Workloads: map[string]*string{}, ValueWords: []int{1},
			Compiler: runtime.Compiler + " " + runtime.Version(), Flags: strings.Join(flags, " "),
			Optimized: !strings.Contains(settings["-gcflags"], "-N"), Sanitizer: orNull(sanitizer),
			Libraries: map[string]string{"go": runtime.Version()},
		}
		for workload, member := range a.workloads {
			described.Workloads[workload] = orNull(member)
		}
		result.Arms = append(result.Arms, described)
	}
	return result
}

// find returns the arm of a request, which has its workload. It panics with refused and with cannot.
func find(list []arm, q *request) *arm {
	names := []string{}
	for i := range list {
		a := &list[i]
		names = append(names, a.name)
		if a.name != q.arm {
			continue
		}
		if q.valueWords != 1 {
			panic(refused{"value_words", fmt.Sprintf("%s holds no values of %d words", q.arm, q.valueWords)})
		}
		member, ok := a.workloads[q.workload]
		if !ok {
			known := []string{}
			for workload := range a.workloads {
				known = append(known, workload)
			}
			sort.Strings(known)
			panic(refused{"workload", "there is no " + q.workload + ", but " + strings.Join(known, ", ")})
		}
		if member != "" {
			panic(cannot{member, q.arm + " has no " + member + ", which " + q.workload + " needs"})
		}
		return a
	}
	panic(refused{"arm", "this worker has no " + q.arm + ", but " + strings.Join(names, ", ")})
}

// sentenceOf returns one about the wrong answers; empty if there are none.
func sentenceOf(result *runResult) string {
	parts := []string{}
	for i, text := range wrongAnswers {
		count := result.verified.wrong[i]
		for t := range result.threads {
			count += result.threads[t].tally.wrong[i]
		}
		if count != 0 {
			parts = append(parts, fmt.Sprintf("%s (%d times)", text, count))
		}
	}
	return strings.Join(parts, "; ")
}

// sum returns the sum over the threads; nil if one has none.
func sum(result *runResult, countOf func(t *threadResult) *uint64) *uint64 {
	total := uint64(0)
	for i := range result.threads {
		count := countOf(&result.threads[i])
		if count == nil {
			return nil
		}
		total += *count
	}
	return &total
}

func measured(q *request, result *runResult) measuredAnswer {
	sentence := sentenceOf(result)
	answer := measuredAnswer{
		Protocol: protocol, Status: "ok", Message: orNull(sentence), ThinkNs: result.thinkNs, Threads: []threadAnswer{},
		Memory:     result.memory,
		Faults:     map[string]int64{"minor": result.usage.minorFaults, "major": result.usage.majorFaults},
		Switches:   map[string]int64{"voluntary": result.usage.voluntary, "involuntary": result.usage.involuntary},
		Migrations: sum(result, func(t *threadResult) *uint64 { return t.migrations }),
		Counters:   map[string]*uint64{}, Allocator: allocatorPath(), HugePages: result.hugePages, Latency: []latencyAnswer{},
	}
	if sentence != "" {
		answer.Status = "wrong"
	}
	cost, granularity := measureClock()
	answer.Clock = clockAnswer{"CLOCK_MONOTONIC", cost, granularity}
	for i, name := range q.counters {
		answer.Counters[name] = sum(result, func(t *threadResult) *uint64 { return t.counters[i] })
	}
	for i := range result.threads {
		t := &result.threads[i]
		if answer.CountersError == nil {
			answer.CountersError = orNull(t.countersError)
		}
		one := threadAnswer{Ns: t.ns, Cpus: t.cpus.cpus, Moves: t.cpus.moves, Operations: map[string]countAnswer{}}
		one.MovesAreExact = t.migrations != nil || q.cpus != nil && len(q.cpus[i]) == 1
		if t.migrations != nil {
			one.Moves = *t.migrations
		}
		for k, name := range kindNames {
			if attempted, failed := t.tally.attempted[k], t.tally.failed[k]; didAny(result, k) {
				one.Operations[name] = countAnswer{attempted - failed, failed}
			}
		}
		answer.Threads = append(answer.Threads, one)
		for k, h := range t.latency {
			if h.sampled != 0 {
				answer.Latency = append(answer.Latency, latencyAnswer{i, kindNames[k], h.sampled, h.max, h.buckets()})
			}
		}
	}
	return answer
}

// didAny returns whether a thread has done an operation of the kind.
func didAny(result *runResult, k int) bool {
	for i := range result.threads {
		if result.threads[i].tally.attempted[k] != 0 {
			return true
		}
	}
	return false
}

// answerTo returns the answer to a request, whatever it is.
func answerTo(list []arm, object map[string]any) (result any) {
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case refused:
			result = notMeasuredAnswer{protocol, "refused", reason.key + ": " + reason.why, nil}
		case cannot:
			result = notMeasuredAnswer{protocol, "cannot", reason.why, &reason.missing}
		default:
			panic(reason)
		}
	}()
	if object["protocol"] != json.Number("1") {
		panic(refused{"protocol", "this worker speaks version 1 only"})
	}
	if object["mode"] == "describe" {
		return describe(list)
	}
	if object["mode"] != "run" {
		panic(refused{"mode", "must be describe or run"})
	}
	q := parseRequest(object)
	a := find(list, q)
	debug.SetMaxThreads(q.threads + q.bystanders + 10000) // Go allows 10000
	return measured(q, run(q, a.make(q)))
}

// answer returns the answer to the text of a request.
func answer(list []arm, text []byte) ([]byte, error) {
	object, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answerTo(list, object))
}
