package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// threadResult is what one thread has measured.
type threadResult struct {
	ns            int64 // by the thread's own clock
	tally         tally // during that time; wrong answers of the whole run
	cpus          seenCpus
	latency       []*histogram
	counters      []*uint64
	countersError string
	migrations    *uint64
}

type runResult struct {
	threads   []threadResult
	usage     usage  // of the process while it was measured
	memory    memory // at the end of that time
	hugePages *bool
	thinkNs   float64
	verified  tally // wrong answers about the stock
}

// chunkSize is how many steps a thread does before it looks at the clock: enough to make that cheap, and so few that it notices the
// end in time.
type chunkSize int

func (c *chunkSize) adapt(tookNs int64) {
	const leastNs, mostNs, mostSteps = 50_000, 500_000, 1 << 20
	if tookNs < leastNs && *c < mostSteps {
		*c *= 2
	} else if tookNs > mostNs && *c > 1 {
		*c /= 2
	}
}

// running is the state that all threads share.
type running struct {
	request  *request
	workload workload
	result   *runResult
	turnNs   float64
	warmUpNs int64
	arrived  atomic.Int32
	_        [128]byte
	phase    atomic.Uint32
	_        [128]byte
	// Written before the phase that needs them.
	measuredFrom, stopAt int64

	mutex        sync.Mutex
	usageAtBegin usage
	isStopped    bool
	failure      any // what a thread has panicked with before it ran
}

// run runs a workload once with all of its threads. It panics with refused if a thread cannot be bound to its CPUs.
func run(q *request, w workload) *runResult {
	// As many threads may run at a time as there are, so that the kernel shares out the CPUs and not the scheduler of Go.
	if q.threads > runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(q.threads)
	}
	result := &runResult{threads: make([]threadResult, q.threads)}
	r := &running{request: q, workload: w, result: result, turnNs: measureTurn()}
	if w.hasWarmUp() {
		r.warmUpNs = q.warmUpNs
	}
	var ended sync.WaitGroup
	ended.Add(q.threads)
	for i := 0; i < q.threads; i++ {
		go func(index int) {
			defer ended.Done()
			r.thread(index)
		}(i)
	}
	ended.Wait()
	if r.failure != nil {
		panic(r.failure)
	}
	if !r.isStopped {
		r.noteStop()
	}
	if q.think.kind != "none" {
		result.thinkNs = newThinker(q.think, measureTurn(), q.seed, 0).measureMean()
	}
	w.verify(&result.verified)
	return result
}

// thread is locked to a thread of the system, which ends with it: nobody else is to have its CPUs.
func (r *running) thread(index int) {
	runtime.LockOSThread()
	c, t := r.prepare(index)
	// Threads do not sleep at the barrier, because they would be woken one after the other.
	r.arrived.Add(1)
	for r.arrived.Load() < int32(r.request.threads) {
		yieldThread()
	}
	if t == nil {
		return
	}
	result := &r.result.threads[index]
	counted, migrations := newCounters(r.request.counters), newCounters([]string{"cpu-migrations"})
	r.measure(c, t, result, counted, migrations)
	t.close()
	result.tally.wrong = c.tally.wrong
	result.counters = counted.read()
	result.countersError = counted.err
	result.migrations = migrations.read()[0]
	result.latency = c.pacer.histograms
}

// prepare returns nil, and stops all, if the thread cannot run. It must not leave the others waiting at the barrier.
func (r *running) prepare(index int) (c *threadContext, t task) {
	defer func() {
		if reason := recover(); reason != nil {
			r.mutex.Lock()
			r.failure = reason
			r.mutex.Unlock()
			r.phase.Store(uint32(phaseStop))
			t = nil
		}
	}()
	if r.request.cpus != nil && !bindThread(r.request.cpus[index]) {
		panic(refused{"cpus", fmt.Sprintf("thread %d may not use the CPUs that it is given", index)})
	}
	c = &threadContext{request: r.request, index: index, phase: &r.phase, pacer: newPacer(r.request, r.turnNs, index, &r.phase)}
	return c, r.workload.newTask(c)
}

func (r *running) measure(c *threadContext, t task, result *threadResult, counted, migrations *counters) {
	var atBegin tally
	var begin int64
	measures := false
	startMeasuring := func(now int64) {
		measures = true
		begin = now
		atBegin = c.tally
		result.cpus = newSeenCpus()
		result.cpus.look()
		c.pacer.restart()
		migrations.start()
		counted.start()
	}
	chunk := chunkSize(1)
	last := nowNs()
	warmUntil := last + r.warmUpNs
	if r.warmUpNs == 0 {
		r.beginMeasuring(last)
		startMeasuring(last)
	}
	for {
		goesOn := guarded(&c.tally, func() { t.run(int(chunk)) })
		result.cpus.look()
		now := nowNs()
		current := phase(r.phase.Load())
		if current == phaseWarmUp && now >= warmUntil {
			current = r.beginMeasuring(now)
		}
		if current == phaseMeasure && now >= r.stopAt || !goesOn {
			current = r.stopMeasuring()
		}
		if !measures && current != phaseWarmUp {
			startMeasuring(now)
			// It did not run while the others were measured.
			if current == phaseStop && r.measuredFrom != 0 && r.measuredFrom < begin {
				begin = r.measuredFrom
			}
		}
		if current == phaseStop || t.isOver() {
			counted.stop()
			migrations.stop()
			result.ns = now - begin
			if result.ns < 1 {
				result.ns = 1 // a time of 0 would make everything infinitely fast
			}
			break
		}
		chunk.adapt(now - last)
		last = now
	}
	result.tally = c.tally.minus(&atBegin)
}

// beginMeasuring and stopMeasuring return the phase that is then current.
func (r *running) beginMeasuring(now int64) phase {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if phase(r.phase.Load()) == phaseWarmUp {
		r.usageAtBegin = usageNow()
		r.measuredFrom = now
		r.stopAt = now + r.request.measureNs
		r.phase.Store(uint32(phaseMeasure)) // publishes the times
	}
	return phase(r.phase.Load())
}
func (r *running) stopMeasuring() phase {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if phase(r.phase.Load()) != phaseStop {
		r.phase.Store(uint32(phaseStop))
		r.noteStop()
	}
	return phaseStop
}
func (r *running) noteStop() {
	r.isStopped = true
	r.result.usage = usageNow().minus(r.usageAtBegin)
	r.result.memory = memoryNow()
	if r.request.hugePages {
		r.result.hugePages = hasHugePages()
	}
}
