package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"unsafe"
)

// cpuSet has room for 8192 CPUs, a bit each.
type cpuSet [8192 / 64]uint64

// allowedCpus returns the CPUs that this process may use.
func allowedCpus() []int {
	var set cpuSet
	size, _, _ := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(set), uintptr(unsafe.Pointer(&set)))
	cpus := []int{}
	for cpu := 0; cpu < int(size)*8 && cpu < len(set)*64; cpu++ {
		if set[cpu/64]>>(cpu%64)&1 != 0 {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

// bindThread binds the calling thread, to which its goroutine is locked. It returns false if the kernel refuses.
func bindThread(cpus []int) bool {
	var set cpuSet
	for _, cpu := range cpus {
		set[cpu/64] |= 1 << (cpu % 64)
	}
	_, _, err := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(set), uintptr(unsafe.Pointer(&set)))
	return err == 0
}

// yieldThread lets another thread of the system have the CPU. The scheduler of Go is not asked: it would hand the goroutine of a
// locked thread on by waking another thread.
//
// It is not inlined, because its prologue is where the garbage collector can stop a thread that waits. A loop of the system call
// alone could hold up all others for seconds.
//
//go:noinline
func yieldThread() { syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }

// sysGetcpu is the number of getcpu, which package syscall does not have; 0: unknown.
func sysGetcpu() uintptr {
	switch runtime.GOARCH {
	case "amd64":
		return 309
	case "arm64":
		return 168
	}
	return 0
}

// seenCpus are the CPUs on which a thread was whenever it has looked.
type seenCpus struct {
	cpus  []int // in ascending order
	moves uint64
	last  int
}

func newSeenCpus() seenCpus { return seenCpus{cpus: []int{}, last: -1} }

func (s *seenCpus) look() {
	var cpu uint32
	number := sysGetcpu()
	if number == 0 {
		return
	}
	if _, _, err := syscall.RawSyscall(number, uintptr(unsafe.Pointer(&cpu)), 0, 0); err != 0 || int(cpu) == s.last {
		return
	}
	if s.last >= 0 {
		s.moves++
	}
	s.last = int(cpu)
	at := sort.SearchInts(s.cpus, s.last)
	if at == len(s.cpus) || s.cpus[at] != s.last {
		s.cpus = append(s.cpus, 0)
		copy(s.cpus[at+1:], s.cpus[at:])
		s.cpus[at] = s.last
	}
}

type memory struct {
	Resident uint64 `json:"resident_bytes"`
	Peak     uint64 `json:"peak_bytes"`
}

// eachLine calls f with each line of a file of /proc; with none if there is no such file.
func eachLine(path string, f func(line string)) {
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		f(lines.Text())
	}
}

func memoryNow() memory {
	var m memory
	eachLine("/proc/self/status", func(line string) {
		var kilobytes uint64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kilobytes); err == nil {
			m.Resident = kilobytes * 1024
		}
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil {
			m.Peak = kilobytes * 1024
		}
	})
	// It counts pages, and replaces a sum that may be off by some hundred.
	eachLine("/proc/self/smaps_rollup", func(line string) {
		var kilobytes uint64
		if _, err := fmt.Sscanf(line, "Rss: %d kB", &kilobytes); err == nil {
			m.Resident = kilobytes * 1024
		}
	})
	return m
}

// usage is of the whole process.
type usage struct {
	minorFaults, majorFaults, voluntary, involuntary int64
}

func usageNow() usage {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return usage{}
	}
	return usage{u.Minflt, u.Majflt, u.Nvcsw, u.Nivcsw}
}

func (u usage) minus(begin usage) usage {
	return usage{u.minorFaults - begin.minorFaults, u.majorFaults - begin.majorFaults, u.voluntary - begin.voluntary,
		u.involuntary - begin.involuntary}
}

// adviseHugePages asks the kernel for them in all memory that is there now. An error is no harm: hasHugePages says what has come of
// it.
func adviseHugePages() {
	eachLine("/proc/self/maps", func(line string) {
		var begin, end uintptr
		var permissions, offset, device string
		var inode uint64
		if _, err := fmt.Sscanf(line, "%x-%x %s %s %s %d", &begin, &end, &permissions, &offset, &device, &inode); err != nil {
			return
		}
		if inode == 0 && permissions == "rw-p" {
			const advice = 14 // MADV_HUGEPAGE
			syscall.RawSyscall(syscall.SYS_MADVISE, begin, end-begin, advice)
		}
	})
}

// hasHugePages returns whether memory is in huge pages; nil if the kernel does not say.
func hasHugePages() *bool {
	var has *bool
	eachLine("/proc/self/smaps_rollup", func(line string) {
		var kilobytes uint64
		if strings.HasPrefix(line, "AnonHugePages:") {
			if _, err := fmt.Sscanf(line, "AnonHugePages: %d kB", &kilobytes); err == nil {
				value := kilobytes != 0
				has = &value
			}
		}
	})
	return has
}

// allocatorPath returns the file that the allocator comes from, which is this program: Go has one of its own.
func allocatorPath() string {
	path, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	return path
}
