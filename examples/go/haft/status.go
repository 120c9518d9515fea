package haft

// #include "haft/haft.h"
import "C"

// Status is why a call was refused. It is an error: errors.Is(err, haft.Stale).
type Status int

const (
	Null        = Status(C.HAFT_NULL)
	Malformed   = Status(C.HAFT_MALFORMED)
	NeverIssued = Status(C.HAFT_NEVER_ISSUED)
	Stale       = Status(C.HAFT_STALE)
	WrongType   = Status(C.HAFT_WRONG_TYPE)
	Full        = Status(C.HAFT_FULL)
	OutOfMemory = Status(C.HAFT_OUT_OF_MEMORY)
	Pinned      = Status(C.HAFT_PINNED)
	TimedOut    = Status(C.HAFT_TIMED_OUT)
	Invalid     = Status(C.HAFT_INVALID)
	Deferred    = Status(C.HAFT_DEFERRED)
)

func (s Status) Error() string {
	return "haft: " + C.GoString(C.haft_strerror(C.int(s)))
}

// Err converts the result of a function of the C ABI to an error: nil for HAFT_OK.
func Err(status int) error {
	if status == C.HAFT_OK {
		return nil
	}
	return Status(status)
}
