// Package core is what the tables of the packages haft and pure have in common: the errors, the Go side of a slot, and the
// shards that goroutines take in turn.
package core

import "fmt"

// Status is why a call was refused. It is an error, and the numbers are those of haft.h, which are never changed.
type Status int

// The values of Status.
const (
	OK Status = iota
	Null
	Malformed
	NeverIssued
	Stale
	WrongType
	Full
	OutOfMemory
	Pinned
	TimedOut
	Invalid
	Deferred
)

var texts = [...]string{
	OK:          "the handle is live",
	Null:        "the null handle",
	Malformed:   "no table issues such a word",
	NeverIssued: "this table never issued the handle",
	Stale:       "the handle has been deleted",
	WrongType:   "the object is of another type",
	Full:        "the table is full",
	OutOfMemory: "out of memory",
	Pinned:      "the object is pinned",
	TimedOut:    "deleted, and still pinned",
	Invalid:     "invalid argument",
	Deferred:    "deleted, and destroyed later by this thread",
}

// Text returns the sentence of haft_strerror.
func (s Status) Text() string {
	if s < 0 || int(s) >= len(texts) {
		return "unknown status"
	}
	return texts[s]
}

// Error returns the sentence, preceded by the name of the package.
func (s Status) Error() string { return "haft: " + s.Text() }

// Error is a refusal, with the word that was refused and all that is known about it.
type Error struct {
	Op     string  // the operation, such as "Lookup"
	Word   uintptr // the handle, or 0 if there was none yet
	Status Status  // the reason
	Detail string  // what the table knows about the word, as haft_describe says it
}

// Error returns one line.
func (e *Error) Error() string {
	text := "haft: " + e.Op
	if e.Word != 0 {
		text += fmt.Sprintf(" of %#x", e.Word)
	}
	text += ": " + e.Status.Text()
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Unwrap returns the status, for errors.Is.
func (e *Error) Unwrap() error { return e.Status }
