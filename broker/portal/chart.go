package portal

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// The box in which curves are drawn. Its sides have no unit: the page stretches it.
const (
	chartWide = 600.0
	chartHigh = 200.0
	chartEdge = 3.0 // so that a line at the very top or bottom is not cut
)

// curve is the path of one series through the box, as SVG has it: a level line for each
// step, 0 at the bottom and top at the top. Where nothing is known there is no line: a
// gap is not a zero. What is over top is drawn at the top.
func curve(values []float64, known []bool, top float64) string {
	var d strings.Builder
	at := func(command byte, x float64) {
		d.WriteByte(command)
		d.WriteString(strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64))
	}
	level := func(i int) float64 {
		share := max(0, min(1, values[i]/top))
		return chartHigh - chartEdge - share*(chartHigh-2*chartEdge)
	}
	x := func(i int) float64 { return chartWide * float64(i) / float64(len(values)) }
	for i := range values {
		switch {
		case !known[i]:
			continue
		case i == 0 || !known[i-1]:
			at('M', x(i))
			at(' ', level(i))
		case values[i] != values[i-1]:
			at('V', level(i))
		}
		if i == len(values)-1 || !known[i+1] || values[i+1] != values[i] {
			at('H', x(i+1))
		}
	}
	return d.String()
}

// topOf is the round number at which the axis ends: not less than the largest value,
// and 1 at least.
func topOf(most float64) float64 {
	for unit := 1.0; ; unit *= 10 {
		for _, round := range []float64{1, 2, 5} {
			if unit*round >= most {
				return unit * round
			}
		}
	}
}

// spans are the lengths of time at which an axis may end, in seconds.
var spans = []float64{60, 300, 900, 1800, 3600, 2 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400}

// topOfSpan is topOf for seconds: a whole minute, hour or day.
func topOfSpan(most float64) float64 {
	for _, s := range spans {
		if s >= most {
			return s
		}
	}
	return 86400 * topOf(most/86400)
}

// stretch is a run of steps through which no series changes, from the first step up to
// and without the last.
type stretch struct{ from, to int }

// stretches are all of them, the newest first: a table of them says the same as the
// curves, in as few rows as it can.
func stretches(series [][]float64, known []bool) []stretch {
	same := func(i, j int) bool {
		if known[i] != known[j] {
			return false
		}
		for _, s := range series {
			if known[i] && s[i] != s[j] {
				return false
			}
		}
		return true
	}
	var out []stretch
	for to := len(known); to > 0; {
		from := to - 1
		for from > 0 && same(from-1, to-1) {
			from--
		}
		out = append(out, stretch{from, to})
		to = from
	}
	return out
}

// window is a time over which charts are drawn.
type window struct {
	name  string
	step  time.Duration
	steps int
}

// windows are those that one can choose, the first where nobody did.
var windows = []window{{"hour", time.Minute, 60}, {"day", 15 * time.Minute, 96}, {"week", 2 * time.Hour, 84}}
