package main

// calls are the operations of a table as the threads of a workload call them: paced, timed and checked.
type calls[T table] struct {
	table   T
	tally   *tally
	pacer   *pacer // nil: an operation follows the last one at once, and none is timed
	touches bool
	touched uint64 // so that the compiler does not leave the reads out
}

func newCalls[T table](t T, c *threadContext) *calls[T] {
	result := &calls[T]{table: t, tally: &c.tally, touches: c.request.touch}
	if !c.request.isPlain() {
		result.pacer = c.pacer
	}
	return result
}

func (c *calls[T]) begin() int64 {
	if c.pacer == nil {
		return notTimed
	}
	return c.pacer.begin()
}

func (c *calls[T]) end(begin int64, k kind) {
	if begin != notTimed {
		c.pacer.end(begin, k)
	}
}

// new returns noKey if the table is full.
func (c *calls[T]) new(value *object) uint64 {
	begin := c.begin()
	key := c.table.New(value)
	c.end(begin, kindNew)
	if key == noKey {
		c.tally.failed[kindNew]++
	}
	return key
}

func (c *calls[T]) delete(key uint64) {
	begin := c.begin()
	ok := c.table.Delete(key)
	c.end(begin, kindDelete)
	if !ok {
		c.tally.wrong[wrongNotDeleted]++
	}
}

// find looks up a key that is live.
func (c *calls[T]) find(key uint64, value *object) {
	begin := c.begin()
	found, ok := c.table.Find(key)
	c.end(begin, kindFind)
	if !ok {
		c.tally.wrong[wrongNotFound]++
		return
	}
	c.check(found, value)
}

// findIfLive looks up a key that another thread may delete at the same time.
func (c *calls[T]) findIfLive(key uint64, value *object) {
	begin := c.begin()
	found, ok := c.table.FindAny(key)
	c.end(begin, kindFind)
	if ok {
		c.check(found, value)
	}
}

// findStale looks up a key that is deleted.
func (c *calls[T]) findStale(key uint64) {
	begin := c.begin()
	_, ok := c.table.FindAny(key)
	c.end(begin, kindStale)
	if ok {
		c.tally.wrong[wrongStaleFound]++
	}
}

func (c *calls[T]) check(found, value *object) {
	if found != value {
		c.tally.wrong[wrongOtherValue]++
	} else if c.touches {
		c.touched += found.content
	}
}

// guarded calls f, and returns whether f has ended without a panic with misuse, which is a wrong answer about a live key.
func guarded(t *tally, f func()) (ok bool) {
	defer func() {
		if reason := recover(); reason == misuse {
			t.wrong[wrongMisuse]++
			ok = false
		} else if reason != nil {
			panic(reason)
		}
	}()
	f()
	return true
}
