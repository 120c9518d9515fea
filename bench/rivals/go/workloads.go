package main

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// drawing draws the steps of a thread from the cells of all, or from a run of as many as the others have.
func drawing(q *request, shared bool) func(c *threadContext) (first int, d *draws) {
	cells := q.live
	if !shared {
		cells = q.live / q.threads
	}
	if cells == 0 && shared {
		panic(refused{"live", "this workload needs a live handle"})
	} else if cells == 0 {
		panic(refused{"live", "each thread needs a live handle"})
	}
	distribution := newKeyDistribution(q.skew, cells, q.seed)
	return func(c *threadContext) (int, *draws) {
		first := 0
		if !shared {
			first = c.index * cells
		}
		return first, newDraws(distribution, cells, q.mix, q.seed, uint64(c.index))
	}
}

// --- Workloads that only read ---

func newFind[T table](q *request, newTable func(int) T) *workloadOf[T] {
	drawn := drawing(q, true)
	w := &workloadOf[T]{stock: newStock(q, newTable, 0, false)}
	w.task = func(c *threadContext, k *calls[T]) task {
		_, d := drawn(c)
		keys, objects := w.keys, w.objects
		return plainTask(func(steps int) {
			for i := 0; i < steps; i++ {
				cell := d.next().cell()
				k.find(keys[cell], &objects[cell])
			}
			k.tally.attempted[kindFind] += uint64(steps)
		})
	}
	return w
}

func newStale[T table](q *request, newTable func(int) T) *workloadOf[T] {
	drawn := drawing(q, true)
	w := &workloadOf[T]{stock: newStock(q, newTable, 0, true)}
	w.task = func(c *threadContext, k *calls[T]) task {
		_, d := drawn(c)
		stale := w.stale
		return plainTask(func(steps int) {
			for i := 0; i < steps; i++ {
				k.findStale(stale[d.next().cell()])
			}
			k.tally.attempted[kindStale] += uint64(steps)
		})
	}
	return w
}

// --- Workloads that make handles and delete them, while others are live ---

// churn is one step after the other: New and Delete of one handle, with a look-up between them if `finds`.
func churn[T table](k *calls[T], value *object, steps int, finds bool) {
	made := uint64(0)
	for i := 0; i < steps; i++ {
		key := k.new(value)
		if key == noKey {
			continue
		}
		made++
		if finds {
			k.find(key, value)
		}
		k.delete(key)
	}
	k.tally.attempted[kindNew] += uint64(steps)
	if finds {
		k.tally.attempted[kindFind] += made
	}
	k.tally.attempted[kindDelete] += made
}

func churnOf[T table](q *request, newTable func(int) T, finds bool) *workloadOf[T] {
	w := &workloadOf[T]{stock: newStock(q, newTable, 1, false)}
	w.task = func(c *threadContext, k *calls[T]) task {
		value := &w.handObjects(c.index)[0]
		return plainTask(func(steps int) { churn(k, value, steps, finds) })
	}
	return w
}

func newChurn[T table](q *request, newTable func(int) T) *workloadOf[T] {
	return churnOf(q, newTable, false)
}
func newChurnFind[T table](q *request, newTable func(int) T) *workloadOf[T] {
	return churnOf(q, newTable, true)
}

func newBurst[T table](q *request, newTable func(int) T) *workloadOf[T] {
	w := &workloadOf[T]{stock: newStock(q, newTable, q.burst, false)}
	w.task = func(c *threadContext, k *calls[T]) task {
		values, keys := w.handObjects(c.index), make([]uint64, q.burst)
		return plainTask(func(steps int) {
			made := uint64(0)
			for i := 0; i < steps; i++ {
				for j := range keys {
					keys[j] = k.new(&values[j])
				}
				for _, key := range keys {
					if key != noKey {
						made++
						k.delete(key)
					}
				}
			}
			k.tally.attempted[kindNew] += uint64(steps * len(keys))
			k.tally.attempted[kindDelete] += made
		})
	}
	return w
}

// --- Workloads that read and replace handles, as often as the request's mix says ---

// tallyMix counts steps. `replaced` of the updates found room for a new handle.
func tallyMix(t *tally, steps, stale, updates, replaced int) {
	t.attempted[kindFind] += uint64(steps - updates - stale)
	t.attempted[kindStale] += uint64(stale)
	t.attempted[kindNew] += uint64(updates)
	t.attempted[kindDelete] += uint64(replaced)
}

// newMixed: each thread uses its own share of the live handles, so that no look-up may miss.
func newMixed[T table](q *request, newTable func(int) T) *workloadOf[T] {
	drawn := drawing(q, false)
	w := &workloadOf[T]{stock: newStock(q, newTable, 1, q.mix.stale != 0)}
	w.task = func(c *threadContext, k *calls[T]) task {
		first, d := drawn(c)
		keys, objects := w.keys, w.objects
		return plainTask(func(steps int) {
			stale, updates, replaced := 0, 0, 0
			for i := 0; i < steps; i++ {
				drawn := d.next()
				cell := first + drawn.cell()
				switch drawn.step() {
				case stepFind:
					k.find(keys[cell], &objects[cell])
				case stepStale:
					stale++
					k.findStale(w.stale[cell])
				default:
					updates++
					key := k.new(&objects[cell])
					if key == noKey {
						continue
					}
					replaced++
					k.delete(keys[cell])
					keys[cell] = key
				}
			}
			tallyMix(k.tally, steps, stale, updates, replaced)
		})
	}
	return w
}

// newSharedMix: all threads read and replace the same cells. A look-up may miss, because another thread may just have deleted the
// handle.
func newSharedMix[T table](q *request, newTable func(int) T) *workloadOf[T] {
	drawn := drawing(q, true)
	w := &workloadOf[T]{stock: newStock(q, newTable, 1, q.mix.stale != 0)}
	cells := make([]atomic.Uint64, q.live)
	for i := range cells {
		cells[i].Store(w.keys[i])
	}
	w.beforeVerify = func(*tally) {
		for i := range cells {
			w.keys[i] = cells[i].Load()
		}
	}
	w.task = func(c *threadContext, k *calls[T]) task {
		_, d := drawn(c)
		objects := w.objects
		return plainTask(func(steps int) {
			stale, updates, replaced := 0, 0, 0
			for i := 0; i < steps; i++ {
				drawn := d.next()
				cell := drawn.cell()
				switch drawn.step() {
				case stepFind:
					k.findIfLive(cells[cell].Load(), &objects[cell])
				case stepStale:
					stale++
					k.findStale(w.stale[cell])
				default:
					updates++
					key := k.new(&objects[cell])
					if key == noKey {
						continue
					}
					replaced++
					// No other thread can delete the old key.
					k.delete(cells[cell].Swap(key))
				}
			}
			tallyMix(k.tally, steps, stale, updates, replaced)
		})
	}
	return w
}

// --- Workloads whose handles are made by one thread and deleted by another ---

// makeAndSend is the loop of a thread that makes handles: send is false if the run ends first.
func makeAndSend[T table](k *calls[T], value *object, steps int, send func(key uint64) bool) {
	done := 0
	for done < steps {
		key := k.new(value)
		done++
		if key == noKey {
			yieldThread() // another thread may need this CPU to delete something
		} else if !send(key) {
			k.delete(key)
			break
		}
	}
	k.tally.attempted[kindNew] += uint64(done)
}

// receiveAndDelete is the loop of a thread that deletes them: receive returns noKey if the run ends first.
func receiveAndDelete[T table](k *calls[T], steps int, receive func() uint64) {
	done := 0
	for ; done < steps; done++ {
		key := receive()
		if key == noKey {
			break
		}
		k.delete(key)
	}
	k.tally.attempted[kindDelete] += uint64(done)
}

func newHandOff[T table](q *request, newTable func(int) T) *workloadOf[T] {
	const size = 256
	if q.threads%2 != 0 {
		panic(refused{"threads", "hand-off needs an even number"})
	}
	w := &workloadOf[T]{stock: newStock(q, newTable, size/2+1, false), rings: newRings(q.threads/2, size, size)}
	w.task = func(c *threadContext, k *calls[T]) task {
		r, value := w.rings[c.index/2], &w.handObjects(c.index)[0]
		if c.index%2 == 0 {
			return plainTask(func(steps int) {
				makeAndSend(k, value, steps, func(key uint64) bool { return r.push(key, c) })
			})
		}
		return plainTask(func(steps int) { receiveAndDelete(k, steps, func() uint64 { return r.pop(c) }) })
	}
	return w
}

// newProducersConsumers: a producer takes the next consumer whose ring has room, and a consumer the next producer whose ring has a
// key.
func newProducersConsumers[T table](q *request, newTable func(int) T) *workloadOf[T] {
	const waiting = 256 // keys that may wait for a consumer
	if q.producers >= q.threads {
		panic(refused{"producers", "there must be a thread that consumes"})
	}
	consumers, limit := q.threads-q.producers, waiting/q.producers
	if limit == 0 {
		limit = 1
	}
	w := &workloadOf[T]{
		// As many as a thread has on its way on average, and one in each hand.
		stock: newStock(q, newTable, waiting*consumers/q.threads+2, false),
		rings: newRings(q.producers*consumers, waiting, limit),
	}
	w.task = func(c *threadContext, k *calls[T]) task {
		next := 0
		// each calls try with the next number below count until it is true, and returns false if the run ends first.
		each := func(count int, try func(i int) bool) bool {
			for tries := 0; !c.shouldStop(); tries++ {
				if next++; next >= count {
					next = 0
				}
				if try(next) {
					return true
				}
				if tries >= count {
					yieldThread()
				}
			}
			return false
		}
		if c.index < q.producers {
			value := &w.handObjects(c.index)[0]
			mine := w.rings[c.index*consumers : (c.index+1)*consumers]
			return plainTask(func(steps int) {
				makeAndSend(k, value, steps, func(key uint64) bool {
					return each(consumers, func(i int) bool { return mine[i].tryPush(key) })
				})
			})
		}
		me := c.index - q.producers
		return plainTask(func(steps int) {
			receiveAndDelete(k, steps, func() (key uint64) {
				each(q.producers, func(i int) bool {
					key = w.rings[i*consumers+me].tryPop()
					return key != noKey
				})
				return key
			})
		})
	}
	return w
}

// newOwnership: in each step a thread makes a handle, and deletes one that another thread has made a few steps before. A
// permutation of the threads names the thread that deletes what each of them makes, and the next step has the next permutation.
func newOwnership[T table](q *request, newTable func(int) T) *workloadOf[T] {
	const permutations, lag, size = 64, 16, 32
	w := &workloadOf[T]{stock: newStock(q, newTable, lag+2, false), rings: newRings(q.threads*q.threads, size, size)}
	r := newRandom(q.seed, ^uint64(1)) // another stream than those of threads and keys
	owners := make([][]int, permutations)
	for p := range owners {
		owners[p] = make([]int, q.threads)
		for i := range owners[p] {
			owners[p][i] = i
		}
		for i := q.threads - 1; i > 0; i-- {
			j := r.below(uint64(i + 1))
			owners[p][i], owners[p][j] = owners[p][j], owners[p][i]
		}
	}
	w.task = func(c *threadContext, k *calls[T]) task {
		var to, from [permutations]*ring
		for p, owner := range owners {
			for maker, deleter := range owner {
				if maker == c.index {
					to[p] = w.rings[maker*q.threads+deleter]
				}
				if deleter == c.index {
					from[p] = w.rings[maker*q.threads+deleter]
				}
			}
		}
		value, step := &w.handObjects(c.index)[0], 0
		return plainTask(func(steps int) {
			made, deleted := 0, 0
			for deleted < steps {
				key := k.new(value)
				made++
				if key == noKey {
					if c.shouldStop() {
						break
					}
					yieldThread()
					continue
				}
				now := step
				step++
				if !to[now%permutations].push(key, c) {
					k.delete(key)
					break
				}
				if now < lag {
					continue
				}
				if key = from[(now-lag)%permutations].pop(c); key == noKey {
					break
				}
				k.delete(key)
				deleted++
			}
			k.tally.attempted[kindNew] += uint64(made)
			k.tally.attempted[kindDelete] += uint64(deleted)
		})
	}
	return w
}

// --- Workloads about threads that come, go or sleep, and about a table that grows ---

// newThreadChurn: each step is the life of a thread. A goroutine that ends while it is locked to its thread ends the thread.
func newThreadChurn[T table](q *request, newTable func(int) T) *workloadOf[T] {
	w := &workloadOf[T]{stock: newStock(q, newTable, 1, false)}
	w.task = func(c *threadContext, k *calls[T]) task {
		value, pairs, over := &w.handObjects(c.index)[0], (q.lifetime+1)/2, make(chan struct{})
		return plainTask(func(steps int) {
			for i := 0; i < steps; i++ {
				go func() {
					runtime.LockOSThread()
					defer func() { over <- struct{}{} }()
					guarded(k.tally, func() { churn(k, value, pairs, false) })
				}()
				<-over
			}
			k.tally.attempted[kindRound] += uint64(steps)
		})
	}
	return w
}

// growTask is a thread that ends when it has used up its part of the capacity.
type growTask[T table] struct {
	calls  *calls[T]
	value  *object
	keys   []uint64
	made   int
	isFull bool
}

func (g *growTask[T]) run(steps int) {
	attempted := 0
	for attempted < steps && !g.isOver() {
		key := g.calls.new(g.value)
		attempted++
		if key == noKey {
			g.isFull = true
		} else {
			g.keys[g.made] = key
			g.made++
		}
	}
	g.calls.tally.attempted[kindNew] += uint64(attempted)
}
func (g *growTask[T]) isOver() bool { return g.isFull || g.made == len(g.keys) }
func (g *growTask[T]) close() {
	for _, key := range g.keys[:g.made] {
		if !g.calls.table.DeleteAny(key) {
			g.calls.tally.wrong[wrongNotDeleted]++
		}
	}
}

func newGrow[T table](q *request, newTable func(int) T) *workloadOf[T] {
	// With a warm-up there would be nothing left to measure.
	w := &workloadOf[T]{stock: newStock(q, newTable, 1, false), noWarmUp: true}
	w.task = func(c *threadContext, k *calls[T]) task {
		keys := make([]uint64, (q.capacity-q.live)/q.threads)
		return &growTask[T]{calls: k, value: &w.handObjects(c.index)[0], keys: keys}
	}
	return w
}

// newIdle is churn beside threads that have used the table once and sleep.
func newIdle[T table](q *request, newTable func(int) T) *workloadOf[T] {
	w := churnOf(q, newTable, false)
	var used, ended sync.WaitGroup
	end := make(chan struct{})
	used.Add(q.bystanders)
	ended.Add(q.bystanders)
	for i := 0; i < q.bystanders; i++ {
		go func() {
			runtime.LockOSThread()
			w.table.DeleteAny(w.table.New(&w.objects[0]))
			used.Done()
			<-end
			ended.Done()
		}()
	}
	used.Wait()
	w.beforeVerify = func(*tally) {
		close(end)
		ended.Wait()
	}
	return w
}
