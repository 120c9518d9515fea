package main

// random gives the numbers of the C++ workers, bench/worker/random.h: those of std::mt19937_64, seeded by a std::seed_seq. So all
// arms of a block do the same operations.
type random struct {
	state [stateWords]uint64
	next  int
}

const (
	stateWords = 312
	middleWord = 156
	lowMask    = 1<<31 - 1
)

// newRandom returns the generator of one stream. Streams of one seed are independent.
func newRandom(seed, stream uint64) *random {
	words := seedSequence([]uint32{uint32(seed), uint32(seed >> 32), uint32(stream), uint32(stream >> 32)}, 2*stateWords)
	r := &random{next: stateWords}
	all := uint64(0)
	for i := range r.state {
		r.state[i] = uint64(words[2*i]) | uint64(words[2*i+1])<<32
		if i == 0 {
			all = r.state[0] &^ lowMask
		} else {
			all |= r.state[i]
		}
	}
	if all == 0 {
		r.state[0] = 1 << 63
	}
	return r
}

// seedSequence is std::seed_seq's generate, for 623 words or more.
func seedSequence(seeds []uint32, count int) []uint32 {
	n, s := count, len(seeds)
	const t = 11
	p := (n - t) / 2
	q := p + t
	mix := func(x uint32) uint32 { return x ^ x>>27 }
	words := make([]uint32, n)
	for i := range words {
		words[i] = 0x8b8b8b8b
	}
	for k := 0; k < n; k++ {
		r1 := 1664525 * mix(words[k]^words[(k+p)%n]^words[(k+n-1)%n])
		r2 := r1 + uint32(k)
		if k == 0 {
			r2 = r1 + uint32(s)
		} else if k <= s {
			r2 += seeds[k-1]
		}
		words[(k+p)%n] += r1
		words[(k+q)%n] += r2
		words[k] = r2
	}
	for k := 0; k < n; k++ {
		r3 := 1566083941 * mix(words[k]+words[(k+p)%n]+words[(k+n-1)%n])
		r4 := r3 - uint32(k)
		words[(k+p)%n] ^= r3
		words[(k+q)%n] ^= r4
		words[k] = r4
	}
	return words
}

func (r *random) uint64() uint64 {
	if r.next == stateWords {
		r.twist()
	}
	x := r.state[r.next]
	r.next++
	x ^= x >> 29 & 0x5555555555555555
	x ^= x << 17 & 0x71d67fffeda60000
	x ^= x << 37 & 0xfff7eee000000000
	return x ^ x>>43
}

func (r *random) twist() {
	for i := range r.state {
		x := r.state[i]&^lowMask | r.state[(i+1)%stateWords]&lowMask
		twisted := x >> 1
		if x&1 != 0 {
			twisted ^= 0xb5026f5aa96619e9
		}
		r.state[i] = r.state[(i+middleWord)%stateWords] ^ twisted
	}
	r.next = 0
}

// below returns a number from 0 to n-1, for n up to 2^32.
func (r *random) below(n uint64) uint64 { return r.uint64() >> 32 * n >> 32 }

// unit returns a number in [0, 1).
func (r *random) unit() float64 { return float64(r.uint64()>>11) * 0x1p-53 }
