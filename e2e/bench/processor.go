package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// processorTime returns the processor time that the processes have used, from the schedstat files of their threads, which
// count nanoseconds. Threads that ended meanwhile are missing; a Go program's seldom end.
func processorTime(ids []int) (time.Duration, error) {
	var sum time.Duration
	for _, id := range ids {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", id))
		if err != nil || len(files) == 0 {
			return 0, fmt.Errorf("process %d has no schedstat files; this needs Linux", id)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				continue // the thread has ended
			}
			nanoseconds, _, _ := strings.Cut(string(content), " ")
			n, err := strconv.ParseInt(nanoseconds, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", file, err)
			}
			sum += time.Duration(n)
		}
	}
	return sum, nil
}

// figures are repeated measurements of one thing.
type figures []float64

func (f figures) median() float64 { return f.quantile(0.5) }

// quantile returns the figure below which the share lies.
func (f figures) quantile(share float64) float64 {
	sorted := slices.Sorted(slices.Values(f))
	return sorted[int(share*float64(len(sorted)-1)+0.5)]
}

// spread is the middle half of the figures.
func (f figures) spread() string {
	return fmt.Sprintf("%.1f–%.1f", f.quantile(0.25), f.quantile(0.75))
}
