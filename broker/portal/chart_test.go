package portal

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A curve as it is drawn: steps, a gap that is no zero, a lone step, and what is over
// the top.
func TestCurve(t *testing.T) {
	t.Parallel()
	known := []bool{true, true, true, false, true, false}
	for name, c := range map[string]struct {
		values []float64
		want   string
	}{
		"nothing": {make([]float64, 6), "M0 197H300M400 197H500"},
		"steps":   {[]float64{0, 5, 5, 0, 10, 0}, "M0 197H100V100H300M400 3H500"},
		"over":    {[]float64{20, 20, -1, 0, 0, 0}, "M0 3H200V197H300M400 197H500"},
	} {
		if got := curve(c.values, known, 10); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := curve([]float64{1, 2}, []bool{false, false}, 10); got != "" {
		t.Errorf("nothing is known and drawn: %s", got)
	}
}

var stroke = regexp.MustCompile(`([MHV ])(-?[0-9.]+)`)

// Whatever the values: nothing is drawn outside the box, the line covers exactly the
// steps that are known, one piece for each run of them, and the table has every step
// once with its own values.
func TestCurvesAndTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		known := rapid.SliceOfN(rapid.Bool(), 1, 60).Draw(t, "known")
		one := rapid.SliceOfN(rapid.Float64Range(0, 1e6), len(known), len(known))
		series := [][]float64{one.Draw(t, "a"), one.Draw(t, "b")}
		top := topOf(slices.Max(slices.Concat(series...)))
		if top < slices.Max(series[0]) || topOfSpan(slices.Max(series[0])) < slices.Max(series[0]) {
			t.Fatalf("the axis ends at %g", top)
		}
		runs, steps := 0, 0
		for i, k := range known {
			if k {
				steps++
			}
			if k && (i == 0 || !known[i-1]) {
				runs++
			}
		}
		for _, values := range series {
			d := curve(values, known, top)
			if strings.Count(d, "M") != runs {
				t.Fatalf("%d pieces for %d runs: %s", strings.Count(d, "M"), runs, d)
			}
			x, length := 0.0, 0.0
			for _, m := range stroke.FindAllStringSubmatch(d, -1) {
				n, err := strconv.ParseFloat(m[2], 64)
				wide := m[1] == "M" || m[1] == "H"
				if err != nil || wide && (n < 0 || n > chartWide) || !wide && (n < chartEdge || n > chartHigh-chartEdge) {
					t.Fatalf("outside the box: %s in %s", m[0], d)
				}
				if m[1] == "H" {
					length += n - x
				}
				if wide {
					x = n
				}
			}
			if want, slack := chartWide*float64(steps)/float64(len(known)), 0.1*float64(runs)+0.01; length < want-slack || length > want+slack { // each end is rounded
				t.Fatalf("%g long, want %g: %s", length, want, d)
			}
		}
		at := len(known)
		for _, s := range stretches(series, known) {
			if s.to != at || s.from >= s.to {
				t.Fatalf("rows %+v end at %d", s, at)
			}
			for i := s.from; i < s.to; i++ {
				if known[i] != known[s.from] || known[i] && (series[0][i] != series[0][s.from] || series[1][i] != series[1][s.from]) {
					t.Fatalf("row %+v is not the same throughout", s)
				}
			}
			at = s.from
		}
		if at != 0 {
			t.Fatalf("the table begins at %d", at)
		}
	})
}
