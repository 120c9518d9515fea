package main

// kind is one of an operation that is counted.
type kind int

const (
	kindNew kind = iota
	kindFind
	kindDelete
	kindStale
	kindRound
	kinds
)

var kindNames = [kinds]string{"new", "find", "delete", "stale", "round"}

// wrong is an answer that no correct table gives.
type wrong int

const (
	wrongNotFound wrong = iota
	wrongNotDeleted
	wrongOtherValue
	wrongStaleFound
	wrongStaleDeleted
	wrongTwice
	wrongMisuse
	wrongs
)

var wrongAnswers = [wrongs]string{
	"a live key was not found", "a live key could not be deleted", "a key had another's value", "a deleted key was found",
	"a deleted key was deleted anew", "a key was live twice", "the table panicked because of a live key",
}

// tally has the counts of one thread. Workloads add what they have attempted once a chunk.
type tally struct {
	attempted, failed [kinds]uint64
	wrong             [wrongs]uint64
}

func (t *tally) minus(begin *tally) tally {
	result := *t
	for k := range result.attempted {
		result.attempted[k] -= begin.attempted[k]
		result.failed[k] -= begin.failed[k]
	}
	return result
}
