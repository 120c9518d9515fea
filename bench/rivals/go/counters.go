package main

import (
	"encoding/binary"
	"fmt"
	"sort"
	"syscall"
	"unsafe"
)

// event is one of perf_event_open: a type and a number.
type event struct {
	kind   uint32
	config uint64
}

const hardware, software = 0, 1

// events by their names in `perf list`.
var events = map[string]event{
	"cycles": {hardware, 0}, "cpu-cycles": {hardware, 0}, "instructions": {hardware, 1}, "cache-references": {hardware, 2},
	"cache-misses": {hardware, 3}, "branches": {hardware, 4}, "branch-instructions": {hardware, 4}, "branch-misses": {hardware, 5},
	"bus-cycles": {hardware, 6}, "stalled-cycles-frontend": {hardware, 7}, "stalled-cycles-backend": {hardware, 8},
	"ref-cycles": {hardware, 9},
	"cpu-clock":  {software, 0}, "task-clock": {software, 1}, "page-faults": {software, 2}, "context-switches": {software, 3},
	"cpu-migrations": {software, 4}, "minor-faults": {software, 5}, "major-faults": {software, 6}, "alignment-faults": {software, 7},
	"emulation-faults": {software, 8},
}

func eventNames() []string {
	names := []string{}
	for name := range events {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// attributes is perf_event_attr as far as it is needed: version 0.
type attributes struct {
	kind, size              uint32
	config                  uint64
	samplePeriod            uint64
	sampleType, readFormat  uint64
	flags                   uint64
	wakeupEvents, bpKind    uint32
	bpAddressOrConfigExtend uint64
}

const (
	flagDisabled      = 1 << 0
	flagInherit       = 1 << 1 // threads that this one makes count too
	flagExcludeKernel = 1 << 5
	flagExcludeHv     = 1 << 6
	formatTimes       = 1<<0 | 1<<1
	ioctlEnable       = 0x2400
	ioctlDisable      = 0x2401
)

// counters count events of the thread that makes and uses them.
type counters struct {
	names []string
	files []int  // -1: the event is not counted
	err   string // a sentence, or empty
}

func newCounters(names []string) *counters {
	c := &counters{names: names}
	for _, name := range names {
		e := events[name]
		a := attributes{kind: e.kind, config: e.config, readFormat: formatTimes, flags: flagDisabled | flagInherit}
		a.size = uint32(unsafe.Sizeof(a))
		if e.kind == hardware {
			a.flags |= flagExcludeKernel | flagExcludeHv // an ordinary user may count nothing else
		}
		const closeOnExec = 8
		file, _, err := syscall.Syscall6(syscall.SYS_PERF_EVENT_OPEN, uintptr(unsafe.Pointer(&a)), 0, ^uintptr(0), ^uintptr(0),
			closeOnExec, 0)
		if err != 0 {
			if c.err == "" {
				c.err = fmt.Sprintf("the kernel refuses to count %s: %s (see /proc/sys/kernel/perf_event_paranoid)", name, err)
			}
			c.files = append(c.files, -1)
			continue
		}
		c.files = append(c.files, int(file))
	}
	return c
}

func (c *counters) each(request uintptr) {
	for _, file := range c.files {
		if file >= 0 {
			syscall.Syscall(syscall.SYS_IOCTL, uintptr(file), request, 0)
		}
	}
}
func (c *counters) start() { c.each(ioctlEnable) }
func (c *counters) stop()  { c.each(ioctlDisable) }

// read returns the counts, nil for an event that was not counted, and closes the files. A count of an event that shared the
// hardware with others is scaled to the whole time.
func (c *counters) read() []*uint64 {
	counts := make([]*uint64, len(c.files))
	for i, file := range c.files {
		if file < 0 {
			continue
		}
		var words [24]byte
		n, err := syscall.Read(file, words[:])
		syscall.Close(file)
		if err != nil || n != len(words) {
			continue
		}
		count := binary.LittleEndian.Uint64(words[:])
		enabled, running := binary.LittleEndian.Uint64(words[8:]), binary.LittleEndian.Uint64(words[16:])
		if running == 0 && enabled != 0 {
			continue
		}
		if running < enabled {
			count = uint64(float64(count) * float64(enabled) / float64(running))
			c.err = c.names[i] + " is extrapolated: there are too few counters"
		}
		counts[i] = &count
	}
	return counts
}
