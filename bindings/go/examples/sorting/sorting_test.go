package sorting

import (
	"errors"
	"fmt"
	"math/rand"
	"reflect"
	"sort"
	"testing"

	"haft.dev/haft"
)

func ExampleSort() {
	values := []int64{3, 1, 2}
	if err := Sort(values, func(a, b int64) bool { return a > b }); err != nil {
		panic(err)
	}
	fmt.Println(values)
	// Output: [3 2 1]
}

func TestSort(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for n := 0; n < 200; n++ {
		got := make([]int64, n)
		for i := range got {
			got[i] = random.Int63n(100)
		}
		want := append([]int64{}, got...)
		if err := Sort(got, func(a, b int64) bool { return a < b }); err != nil {
			t.Fatal(err)
		}
		sort.Slice(want, func(i, j int) bool { return want[i] < want[j] })
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	}
}

// The order deletes itself in the middle. No call after that enters the func, and nothing else happens.
func TestOrderThatIsDeletedInTheMiddle(t *testing.T) {
	calls := 0
	var h haft.Handle
	h = haft.NewHandle(order(func(a, b int64) bool {
		calls++
		h.Delete()
		return a < b
	}))
	values := []int64{5, 4, 3, 2, 1}
	if err := sortBy(values, h); !errors.Is(err, haft.ErrStale) {
		t.Errorf("%v", err)
	}
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
	sort.Slice(values, func(i, j int) bool { return values[i] < values[j] })
	if !reflect.DeepEqual(values, []int64{1, 2, 3, 4, 5}) {
		t.Errorf("%v", values)
	}
}
