package main

import (
	"math"
	"math/bits"
)

// histogram counts times, and is log-linear: each power of two is divided into 64 buckets of equal width, and below 128 each
// nanosecond has a bucket of its own. A bucket's width is therefore 1 ns or at most 1/64 of its lower bound. Counts are exact.
type histogram struct {
	counts  []uint64
	sampled uint64
	max     int64
}

const (
	bitsPerOctave = 6
	perOctave     = 1 << bitsPerOctave
	// The last index is that of the greatest int64.
	bucketCount = (62 - bitsPerOctave + 2) * perOctave
)

// bucket is [lower, upper, count]; upper is exclusive.
type bucket [3]uint64

func newHistogram() *histogram { return &histogram{counts: make([]uint64, bucketCount)} }

func bucketOf(ns uint64) int {
	shift := bits.Len64(ns|perOctave) - 1 - bitsPerOctave
	return shift*perOctave + int(ns>>shift)
}

// lowerOf returns the least time of a bucket.
func lowerOf(index int) uint64 {
	if index < 2*perOctave {
		return uint64(index)
	}
	shift := index/perOctave - 1
	return uint64(index-shift*perOctave) << shift
}

// record counts a time. One below 0, from a clock that is set back, counts as 0.
func (h *histogram) record(ns int64) {
	if ns < 0 {
		ns = 0
	}
	h.counts[bucketOf(uint64(ns))]++
	h.sampled++
	if ns > h.max {
		h.max = ns
	}
}

func (h *histogram) clear() {
	for i := range h.counts {
		h.counts[i] = 0
	}
	h.sampled, h.max = 0, 0
}

// buckets returns those whose count is not zero, in ascending order.
func (h *histogram) buckets() []bucket {
	list := []bucket{}
	for i, count := range h.counts {
		if count == 0 {
			continue
		}
		// The last bucket ends where the type does.
		upper := lowerOf(i + 1)
		if upper > math.MaxInt64 {
			upper = math.MaxInt64
		}
		list = append(list, bucket{lowerOf(i), upper, count})
	}
	return list
}
