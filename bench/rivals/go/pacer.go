package main

import (
	"math"
	"sync/atomic"
	"time"
)

var start = time.Now()

// nowNs returns nanoseconds of the monotonic clock, which is all that Since reads.
func nowNs() int64 { return int64(time.Since(start)) }

// measureClock returns the cost of a reading, and the least difference of two.
func measureClock() (costNs float64, granularityNs int64) {
	const rounds, readings = 20, 1000
	costNs, granularityNs = math.MaxFloat64, math.MaxInt64
	for round := 0; round < rounds; round++ {
		begin := nowNs()
		last := begin
		for i := 0; i < readings; i++ {
			now := nowNs()
			if now != last && now-last < granularityNs {
				granularityNs = now - last
			}
			last = now
		}
		// The least: whatever disturbs the machine makes a round longer.
		costNs = math.Min(costNs, float64(last-begin)/readings)
	}
	return costNs, granularityNs
}

// spin spends turns of a loop whose turns depend on each other. Its result must be used.
func spin(turns uint32) uint64 {
	x := uint64(turns)
	for i := uint32(0); i < turns; i++ {
		x *= 0x9e3779b97f4a7c15
	}
	return x
}

// spun keeps what spin has returned.
var spun atomic.Uint64

// measureTurn returns the least time that a turn has taken, in nanoseconds.
func measureTurn() float64 {
	const rounds, turns = 20, 20000
	least := math.MaxFloat64
	for round := 0; round < rounds; round++ {
		begin := nowNs()
		spun.Add(spin(turns))
		least = math.Min(least, float64(nowNs()-begin)/turns)
	}
	return least
}

// thinker is the thinking of one thread, drawn ahead.
type thinker struct {
	turns []uint32 // as many as a power of two
	at    int
	spun  uint64
}

func newThinker(t think, turnNs float64, seed, stream uint64) *thinker {
	turns := make([]uint32, 1)
	if t.kind == "exponential" {
		turns = make([]uint32, 1024)
	}
	r := newRandom(^seed, stream) // another stream than that of the thread's draws
	for i := range turns {
		ns := t.ns
		if t.kind == "exponential" {
			ns *= -math.Log1p(-r.unit())
		}
		turns[i] = uint32(math.Min(math.Round(ns/turnNs), math.MaxUint32))
	}
	return &thinker{turns: turns}
}

func (t *thinker) think() {
	t.at = (t.at + 1) & (len(t.turns) - 1)
	t.spun += spin(t.turns[t.at])
}

// measureMean returns how long a think takes on average, in nanoseconds.
func (t *thinker) measureMean() float64 {
	const atLeastNs = 2_000_000
	begin, calls := nowNs(), 0
	for {
		for range t.turns {
			t.think()
		}
		calls += len(t.turns)
		if took := nowNs() - begin; took >= atLeastNs {
			return float64(took) / float64(calls)
		}
	}
}

// pacer lets a thread think before each operation, or wait until the operation is due, and times a sample of the operations.
type pacer struct {
	thinker    *thinker // nil: it does not think
	intervalNs float64  // 0: arrivals are closed
	sample     uint64
	random     *random
	phase      *atomic.Uint32
	histograms []*histogram // one for each kind; nil: none is timed
	dueNs      float64
	countdown  uint64
}

const notTimed = -1

func newPacer(q *request, turnNs float64, thread int, phase *atomic.Uint32) *pacer {
	p := &pacer{sample: q.latency, random: newRandom(q.seed, uint64(thread)+1<<32), phase: phase}
	if q.think.kind != "none" {
		p.thinker = newThinker(q.think, turnNs, q.seed, uint64(thread))
	}
	if q.rate != 0 {
		p.intervalNs = 1e9 / q.rate
	}
	if q.latency != 0 {
		for i := kind(0); i < kinds; i++ {
			p.histograms = append(p.histograms, newHistogram())
		}
	}
	p.restart()
	return p
}

// restart forgets what has been timed, and counts arrivals from now on.
func (p *pacer) restart() {
	for _, h := range p.histograms {
		h.clear()
	}
	p.dueNs = float64(nowNs())
	p.countdown = p.nextGap()
}

// begin is called before each operation. It returns the time to count from, or notTimed.
func (p *pacer) begin() int64 {
	if p.thinker != nil {
		p.thinker.think()
	}
	p.countdown--
	if p.countdown != 0 {
		return notTimed
	}
	p.countdown = p.nextGap()
	if p.intervalNs == 0 {
		return nowNs()
	}
	// An operation that begins late is timed from when it was due, so that the ones that wait behind a slow one are not forgotten
	// (coordinated omission).
	due := int64(p.dueNs)
	p.dueNs += p.intervalNs
	for nowNs() < due {
		if phase(p.phase.Load()) == phaseStop {
			return notTimed
		}
	}
	if p.sample == 0 {
		return notTimed
	}
	return due
}

// end is called after each operation, with what begin has returned.
func (p *pacer) end(begin int64, k kind) {
	if begin != notTimed {
		p.histograms[k].record(nowNs() - begin)
	}
}

// nextGap is random, because operations follow each other in patterns, of which a fixed gap could hit always the same place.
func (p *pacer) nextGap() uint64 {
	if p.intervalNs != 0 {
		return 1 // each operation has to wait
	}
	if p.sample == 0 {
		return math.MaxUint64
	}
	return 1 + p.random.below(2*p.sample-1)
}
