package main

import "math"

// keyDistribution draws numbers from 0 to n-1 by the alias method (Walker, Vose). If they are not uniform, the frequent ones are
// spread over the range by a permutation that the seed determines, and so are the same for all threads.
type keyDistribution struct {
	n     int
	keep  []float64 // column i yields i with the probability keep[i], otherwise alias[i]; nil: uniform
	alias []uint32
}

// weights returns the weight of each rank, the most frequent first.
func weights(s skew, n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = 1
		if s.kind == "zipf" {
			list[i] = math.Pow(float64(i+1), -s.s)
		} else if s.kind == "hot" && s.keys < n {
			if i < s.keys {
				list[i] = s.percent / float64(s.keys)
			} else {
				list[i] = (100 - s.percent) / float64(n-s.keys)
			}
		}
	}
	return list
}

func newKeyDistribution(s skew, n int, seed uint64) *keyDistribution {
	d := &keyDistribution{n: n}
	if s.kind == "uniform" {
		return d
	}
	list := weights(s, n)
	sum := 0.0
	for _, weight := range list {
		sum += weight
	}
	r := newRandom(seed, math.MaxUint64) // far from the streams of the threads
	for i := n - 1; i > 0; i-- {
		j := r.below(uint64(i + 1))
		list[i], list[j] = list[j], list[i]
	}
	for i := range list {
		list[i] /= sum
	}
	d.makeAliases(list)
	return d
}

func (d *keyDistribution) makeAliases(probabilities []float64) {
	d.keep = make([]float64, d.n)
	d.alias = make([]uint32, d.n)
	height := make([]float64, d.n)
	var small, large []uint32
	for i := range height {
		d.keep[i], d.alias[i] = 1, uint32(i)
		height[i] = probabilities[i] * float64(d.n)
		if height[i] < 1 {
			small = append(small, uint32(i))
		} else {
			large = append(large, uint32(i))
		}
	}
	for len(small) != 0 && len(large) != 0 {
		low, high := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		d.keep[low] = height[low]
		d.alias[low] = high
		height[high] -= 1 - height[low]
		if height[high] < 1 {
			large = large[:len(large)-1]
			small = append(small, high)
		}
	}
}

func (d *keyDistribution) draw(r *random) uint32 {
	column := uint32(r.below(uint64(d.n)))
	if d.keep == nil || r.unit() < d.keep[column] {
		return column
	}
	return d.alias[column]
}

// step is the kind of a step of a mixed workload.
type step uint32

const (
	stepFind step = iota
	stepStale
	stepUpdate
)

// draw is a step and the cell that it is about, in one word.
type draw uint32

func (d draw) step() step { return step(d & 3) }
func (d draw) cell() int  { return int(d >> 2) }

// draws is a cyclic sequence, drawn ahead, so that to take one costs the same beside every table. Its length, a power of two, grows
// with the number of cells, so that every cell of a large table is used.
type draws struct {
	list []draw
	at   int
}

func newDraws(d *keyDistribution, cells int, m mix, seed, stream uint64) *draws {
	length := 1 << 16
	if cells*4 > length {
		length = 1 << 20
	}
	r := newRandom(seed, stream)
	// An update is two operations in one step, a New and a Delete.
	sum := m.find + m.stale + m.updates
	find, findOrStale := m.find/sum, (m.find+m.stale)/sum
	list := make([]draw, length)
	for i := range list {
		choice, kind := r.unit(), stepUpdate
		if choice < find {
			kind = stepFind
		} else if choice < findOrStale {
			kind = stepStale
		}
		list[i] = draw(d.draw(r)<<2 | uint32(kind))
	}
	return &draws{list: list}
}

func (d *draws) next() draw {
	d.at = (d.at + 1) & (len(d.list) - 1)
	return d.list[d.at]
}
