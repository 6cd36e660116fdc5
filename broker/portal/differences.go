package portal

import (
	"net/http"
	"net/url"
	"time"

	"countersign/broker/locale"
	"countersign/broker/registry"
	"countersign/policies"
)

// differencesPage is where Keycloak differs from the record: what is open, with what a
// person is to see to first; then what was; and what is done about it all.
type differencesPage struct {
	Page
	Mode    string
	Since   string
	Means   string
	Watched []string  // when Keycloak was last looked at
	Modes   []control // empty for whoever does not keep the realm
	Open    differenceTable
	More    int
	History differenceTable
	Older   string // where the older ones are
	Newest  bool   // these are older ones

	Adopting bool // there may be a plan of what is adopted
}

func (*differencesPage) view() string { return "differences" }

// differenceTable is several, under one name.
type differenceTable struct {
	*locale.Words
	Name  string
	Lines []differenceLine
}

// differenceLine is one difference.
type differenceLine struct {
	Address, What, Where, Whose, Who, Found string
	State                                   tag
	Said                                    string // by whoever settled it
}

func (s *site) differences(v *visit) error {
	return s.showDifferences(v, http.StatusOK, nil)
}

func (s *site) showDifferences(v *visit, status int, wrong map[string]string) error {
	before, _ := time.Parse(time.RFC3339Nano, v.r.URL.Query().Get("before")) // what is none shows the newest
	x, err := s.Registry.Differences(v.ctx(), v.person.Account.ID, before)
	if err != nil {
		return err
	}
	at, err := s.places(v)
	if err != nil {
		return err
	}
	p := v.differencesPage(at, x, wrong)
	p.Newest = !before.IsZero()
	return v.show(status, p)
}

func (v *visit) differencesPage(at places, x registry.DriftPage, wrong map[string]string) *differencesPage {
	w := v.words
	p := &differencesPage{Page: v.page(w.T("differences.title"), w.T("differences.lead")), Means: w.T("differences-mode-about." + x.Mode),
		Mode: w.T("differences.mode-now", "Mode", w.T("differences-mode."+x.Mode)), More: x.More,
		Open: differenceTable{Words: w, Name: w.N("differences.open", len(x.Open)+x.More)}, History: differenceTable{Words: w, Name: w.T("differences.history")}}
	if x.Since != nil {
		p.Since = w.T("differences.mode-since", "Date", w.Moment(*x.Since, "UTC"))
	}
	p.Watched, p.Adopting = v.watched(x), x.Mode == registry.ModeAdopt
	if x.May.OK {
		var modes []option
		for _, m := range registry.Modes {
			modes = append(modes, option{Value: m, Label: w.T("differences-mode." + m), Hint: w.T("differences-mode-about." + m)})
		}
		p.Modes = []control{choice("mode", w.T("differences.mode-set"), "", x.Mode, modes)}
		p.Problems = mark(p.Modes, v.messages(wrong))
		p.Ahead = v.ahead(at.ps[policies.OperatorProgram], policies.ToDecide)
	}
	for _, d := range x.Open {
		p.Open.Lines = append(p.Open.Lines, v.differenceLine(at, d))
	}
	for _, d := range x.History {
		p.History.Lines = append(p.History.Lines, v.differenceLine(at, d))
	}
	if n := len(x.History); x.Older {
		p.Older = "/realm/differences?before=" + url.QueryEscape(x.History[n-1].Done.UTC().Format(time.RFC3339Nano))
	}
	return p
}

// watched says when Keycloak's log was read, and when everything was compared.
func (v *visit) watched(x registry.DriftPage) []string {
	w := v.words
	polled := w.T("differences.never-polled")
	if x.Polled != nil {
		polled = w.T("differences.polled", "When", w.Moment(*x.Polled, "UTC"))
	}
	c := x.Compare
	switch {
	case c.Ended == nil:
		return []string{polled, w.T("differences.never-compared")}
	case c.Outcome != "done":
		return []string{polled, w.T("differences.not-compared", "When", w.Moment(*c.Ended, "UTC"), "Why", w.T("differences-why."+c.Outcome))}
	}
	return []string{polled, w.T("differences.compared", "When", w.Moment(*c.Ended, "UTC"),
		"People", w.Number(int(c.People)), "Memberships", w.Number(int(c.Memberships)))}
}

func (v *visit) differenceLine(at places, d registry.DriftView) differenceLine {
	w := v.words
	line := differenceLine{Address: "/realm/differences/" + d.ID, What: w.T("differences-kind." + d.Kind), Found: w.Moment(d.Found, "UTC"), Who: v.madeBy(d)}
	line.Where, line.Whose = v.whereOf(at, d), v.whoseOf(d)
	line.State = tag{Text: w.T("differences-doing." + d.Doing), Tone: map[string]string{registry.DoPerson: "bad", registry.DoHold: "bad"}[d.Doing]}
	if d.Outcome != "" {
		line.State = tag{Text: w.T("differences-outcome." + d.Outcome), Tone: "good"}
		line.Found += " – " + w.Moment(*d.Done, "UTC")
	}
	if line.State.Tone == "" {
		line.State.Tone = "wait"
	}
	if d.DoneName != "" && d.Words != "" {
		line.Said = w.T("differences.settled-by", "Name", d.DoneName, "Words", d.Words)
	}
	return line
}

// whereOf names the place, as far as the record knows it.
func (v *visit) whereOf(at places, d registry.DriftView) string {
	where := ""
	if d.Program != "" {
		where = at.site(registry.Site{Program: d.Program, Code: d.SiteCode, Name: d.SiteName})
	}
	if d.Leaf != "" {
		name := at.role(d.Program, d.Leaf)
		if name == d.Leaf {
			name = at.leaves(d.Program, []string{d.Leaf})[0]
		}
		where += ": " + name
	}
	switch {
	case d.Path != "" && where != "":
		where += ", " + v.words.T("differences.path", "Path", d.Path)
	case d.Path != "":
		where = d.Path
	case where == "" && d.Group != "":
		where = v.words.T("differences.group", "ID", d.Group)
	}
	return where
}

// whoseOf names the person for whoever keeps the realm; for others, by ids.
func (v *visit) whoseOf(d registry.DriftView) string {
	switch {
	case d.Name != "":
		return d.Name
	case d.Account != "":
		return v.words.T("differences.account", "ID", d.Account)
	case d.Sub != "":
		return v.words.T("differences.person", "Sub", d.Sub)
	}
	return "–" // a group's
}

// madeBy says who did it in Keycloak, as far as Keycloak says.
func (v *visit) madeBy(d registry.DriftView) string {
	switch {
	case d.Alarm:
		return v.words.T("differences.by-us")
	case d.ByUser == "":
		return v.words.T("differences.unknown")
	}
	return v.words.T("differences.by", "User", d.ByUser, "Client", d.ByClient)
}

// setMode changes what is done about differences.
func (s *site) setMode(v *visit) error {
	form, err := v.form(fields{one: []string{"mode"}})
	if err != nil {
		return err
	}
	err = s.Registry.SetRealmMode(v.ctx(), v.by(form), form.Get("mode"))
	if wrong := fieldsOf(err); len(wrong) > 0 {
		return s.showDifferences(v, http.StatusUnprocessableEntity, wrong)
	}
	if err != nil {
		return err
	}
	return v.done("/realm/differences", "realm-mode")
}
