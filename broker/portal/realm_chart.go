package portal

import (
	"strconv"
	"time"

	"countersign/broker/registry"
)

// chartOf is a chart of the realm's page: series of samples over one axis.
type chartOf struct {
	name   string
	series []string
	added  bool // what happened in a step, and not how things stood at its worst
	span   bool // seconds
}

// charts are those of the realm's page, in their order.
var charts = []chartOf{
	{name: "waiting", series: []string{"waiting.accounts", "waiting.urgent", "waiting.sites", "waiting.mail"}},
	{name: "oldest", series: []string{"oldest.accounts", "oldest.urgent", "oldest.sites", "oldest.mail"}, span: true},
	{name: "unconfirmed", series: []string{"unconfirmed.ends", "unconfirmed.events"}},
	{name: "unconfirmed-oldest", series: []string{"oldest.ends", "oldest.events"}, span: true},
	{name: "differences", series: []string{"differences.surplus", "differences.missing", "differences.stranger", "differences.people", "differences.groups", "differences.unexplained"}},
	{name: "calls", series: []string{"calls.answered", "calls.refused", "calls.failed"}, added: true},
}

// chart is one as the page has it: the curves, and the same numbers in a table.
type chart struct {
	ID, Title, About string
	Top, Bottom      string // where the axis ends
	From, To         string
	Known            bool // whether anything is known at all
	Series           []chartSeries
	Rows             []chartRow
}

// chartSeries is one curve with its figures in words.
type chartSeries struct {
	Class      string
	Name, Says string
	Path       string
}

// chartRow is a stretch of time in which nothing changed.
type chartRow struct {
	When   string
	Values []string
}

// chart draws one of the charts of what was kept.
func (v *visit) chart(c chartOf, s registry.Samples, over window) chart {
	w := v.words
	out := chart{ID: "chart-" + c.name, Title: w.T("realm-chart." + c.name), About: w.T("realm-chart-about." + c.name),
		From: v.sampleTime(s, 0, over), To: v.sampleTime(s, len(s.Known), over), Bottom: w.Number(0)}
	from := s.Most
	if c.added {
		from = s.Sum
	}
	say, end := func(x float64) string { return w.Number(int(x)) }, topOf
	if c.span {
		say, end = func(x float64) string { return w.Span(time.Duration(x * float64(time.Second))) }, topOfSpan
	}
	all, top := make([][]float64, len(c.series)), 0.0
	for i, name := range c.series {
		if all[i] = from[name]; all[i] == nil {
			all[i] = make([]float64, len(s.Known)) // what was looked at and has no row was 0
		}
		for _, x := range all[i] {
			top = max(top, x)
		}
	}
	out.Top = say(end(top))
	for i, name := range c.series {
		line := chartSeries{Class: strconv.Itoa(i + 1), Name: w.T("realm-series." + name), Path: curve(all[i], s.Known, end(top))}
		line.Says = v.summary(all[i], s.Known, c.added, say)
		out.Series, out.Known = append(out.Series, line), out.Known || line.Path != ""
	}
	for _, run := range stretches(all, s.Known) {
		row := chartRow{When: w.T("realm.from-to", "From", v.sampleTime(s, run.from, over), "To", v.sampleTime(s, run.to, over))}
		for _, values := range all {
			text := w.T("realm.unknown")
			if s.Known[run.from] {
				text = say(values[run.from])
			}
			row.Values = append(row.Values, text)
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// summary says what one would read off a curve first.
func (v *visit) summary(values []float64, known []bool, added bool, say func(float64) string) string {
	most, all, last := 0.0, 0.0, -1
	for i, x := range values {
		if known[i] {
			most, all, last = max(most, x), all+x, i
		}
	}
	switch {
	case last < 0:
		return v.words.T("realm.unknown")
	case most == 0:
		return v.words.T("realm.nothing")
	case added:
		return v.words.T("realm.in-all", "All", say(all), "Most", say(most))
	}
	return v.words.T("realm.now-and-most", "Now", say(values[last]), "Most", say(most))
}

// sampleTime says when a step begins; of the last hour without the day.
func (v *visit) sampleTime(s registry.Samples, step int, over window) string {
	t := s.From.Add(time.Duration(step) * s.Step)
	if over == windows[0] {
		return v.words.Clock(t, "UTC")
	}
	return v.words.T("realm.at", "Date", v.words.Date(t, "UTC"), "Time", v.words.Clock(t, "UTC"))
}
