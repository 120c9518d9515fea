package main

import "sync/atomic"

// phase is one of a run, which all of its threads follow.
type phase uint32

const (
	phaseWarmUp phase = iota
	phaseMeasure
	phaseStop
)

// threadContext has the things that a thread of a run has to itself.
type threadContext struct {
	request *request
	index   int
	phase   *atomic.Uint32
	pacer   *pacer
	tally   tally
	_       [128]byte
}

// shouldStop returns whether the thread should give up waiting for others.
func (c *threadContext) shouldStop() bool { return phase(c.phase.Load()) == phaseStop }

// task is the part of one thread in a workload, which that thread makes, runs and closes.
type task interface {
	// run does a chunk of steps. This is the measured loop: there is one call of it in tens of microseconds.
	run(steps int)
	// isOver returns whether there is nothing left to do.
	isOver() bool
	close()
}

// workload is the part that the threads share.
type workload interface {
	newTask(c *threadContext) task
	// hasWarmUp returns whether operations may be done that are not counted.
	hasWarmUp() bool
	// verify checks, after all tasks are closed, that exactly those handles are live that should be, and deletes them.
	verify(t *tally)
}

// plainTask is a task whose steps never end, as a function.
type plainTask func(steps int)

func (f plainTask) run(steps int) { f(steps) }
func (plainTask) isOver() bool    { return false }
func (plainTask) close()          {}

// workloadOf is a workload of which each thread runs the function that task returns.
type workloadOf[T table] struct {
	*stock[T]
	task  func(c *threadContext, k *calls[T]) task
	rings []*ring
	// beforeVerify may be nil.
	beforeVerify func(t *tally)
	noWarmUp     bool
}

func (w *workloadOf[T]) newTask(c *threadContext) task { return w.task(c, newCalls(w.table, c)) }
func (w *workloadOf[T]) hasWarmUp() bool               { return !w.noWarmUp }
func (w *workloadOf[T]) verify(t *tally) {
	emptyRings(w.rings, w.table, t)
	if w.beforeVerify != nil {
		w.beforeVerify(t)
	}
	w.stock.verify(t)
}

// maker makes a workload of a table. It panics with refused and with cannot.
type maker[T table] func(q *request, newTable func(capacity int) T) *workloadOf[T]

// arm is an implementation of a table.
type arm struct {
	name      string
	workloads map[string]string // the workloads, with the member that the arm lacks, or empty
	make      func(q *request) workload
}

// lacking are the workloads of which no table here has the members, and the first that it lacks. As nothing limits a map of Go,
// none can be full.
var lacking = map[string]string{
	"batch": "NewBatch", "pin": "Pin", "pin-hold": "Pin", "delete-pinned": "Pin", "delete-unless-pinned": "DeleteUnlessPinned",
	"scope": "Scope", "full": "a capacity", "stats": "Stats",
}

// armOf compiles a table into every workload.
func armOf[T table](name string, newTable func(capacity int) T) arm {
	makers := map[string]maker[T]{
		"find": newFind[T], "stale": newStale[T], "churn": newChurn[T], "churn-find": newChurnFind[T], "burst": newBurst[T],
		"mixed": newMixed[T], "shared-mix": newSharedMix[T], "hand-off": newHandOff[T],
		"producers-consumers": newProducersConsumers[T], "ownership": newOwnership[T], "thread-churn": newThreadChurn[T],
		"grow": newGrow[T], "idle": newIdle[T],
	}
	a := arm{name: name, workloads: map[string]string{}}
	for workload := range makers {
		a.workloads[workload] = ""
	}
	for workload, member := range lacking {
		a.workloads[workload] = member
	}
	a.make = func(q *request) workload { return makers[q.workload](q, newTable) }
	return a
}
