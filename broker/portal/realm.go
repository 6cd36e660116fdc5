package portal

import (
	"net/http"
	"slices"
	"time"

	"countersign/broker/registry"
)

// realmPage is how Keycloak follows the record, for operators: how things stand, what
// waits, and how that went over a time.
type realmPage struct {
	Page
	Tiles   []tile
	Piles   []pileLine
	Windows []windowLink
	Charts  []chart
	Brakes  []brakeLink
}

func (*realmPage) view() string { return "realm" }

// tile is one figure that says at a glance whether anything is wrong.
type tile struct {
	Name, Says string
	State      tag // whether somebody should look
}

// pileLine is the work of one kind that waits.
type pileLine struct{ Kind, Count, Oldest string }

// windowLink chooses the time of the charts.
type windowLink struct {
	Address, Name string
	Now           bool
}

func (s *site) realm(v *visit) error {
	x, err := s.Registry.Realm(v.ctx(), v.person.Account.ID)
	if err != nil {
		return err
	}
	over := windows[0]
	if i := slices.IndexFunc(windows, func(w window) bool { return w.name == v.r.URL.Query().Get("over") }); i > 0 {
		over = windows[i]
	}
	samples, err := s.Registry.Samples(v.ctx(), v.person.Account.ID, over.step, over.steps)
	if err != nil {
		return err
	}
	p := v.realmPage(x, samples, over, s.Silent())
	if p.Brakes, err = s.brakesHeld(v, false); err != nil {
		return err
	}
	return v.show(http.StatusOK, p)
}

// late is how long work may wait before the page says that somebody should look: the
// worker tries again twice in that time.
const late = time.Minute

func (v *visit) realmPage(x registry.Realm, samples registry.Samples, over window, silent time.Duration) *realmPage {
	w := v.words
	p := &realmPage{Page: v.page(w.T("realm.title"), w.T("realm.lead"))}
	var waiting int64
	var oldest time.Duration
	for _, pile := range x.Backlog.Waiting {
		line := pileLine{Kind: w.T("realm-kind." + pile.Kind), Count: w.Number(int(pile.N)), Oldest: w.T("realm.none")}
		if pile.N > 0 {
			age := time.Duration(pile.Oldest * float64(time.Second))
			line.Oldest, oldest = w.Span(age), max(oldest, age)
		}
		if pile.Kind != "urgent" { // they are among the accounts
			waiting += pile.N
		}
		p.Piles = append(p.Piles, line)
	}
	p.Tiles = []tile{v.answering(silent),
		v.tile("waiting", w.N("realm-tile.waiting-says", int(waiting)), oldest < late),
		v.tile("oldest", w.Span(oldest), oldest < late)}
	for _, u := range x.Backlog.Unconfirmed {
		p.Tiles = append(p.Tiles, v.counted(u.Kind, u))
	}
	open := registry.Pile{}
	for _, d := range x.Backlog.Differences {
		open.N, open.Oldest = open.N+d.N, max(open.Oldest, d.Oldest)
	}
	p.Tiles = append(p.Tiles, v.counted("differences", open))
	held := 0
	for _, n := range x.Backlog.Brakes {
		held += n
	}
	p.Tiles = append(p.Tiles, v.tile("brakes", w.Number(held), held == 0))
	p.Tiles = append(p.Tiles, v.tile("drift", w.Number(x.Drift), x.Drift == 0))
	for _, o := range windows {
		p.Windows = append(p.Windows, windowLink{"/realm?over=" + o.name, w.T("realm-window." + o.name), o == over})
	}
	for _, c := range charts {
		p.Charts = append(p.Charts, v.chart(c, samples, over))
	}
	return p
}

func (v *visit) tile(name, says string, good bool) tile {
	t := tile{Name: v.words.T("realm-tile." + name), Says: says, State: tag{Text: v.words.T("realm.fine"), Tone: "good"}}
	if !good {
		t.State = tag{Text: v.words.T("realm.look"), Tone: "bad"}
	}
	return t
}

// counted is the tile of what waits for an answer, or for people: fine where nothing
// does, or nothing for long.
func (v *visit) counted(name string, of registry.Pile) tile {
	says, age := v.words.Number(int(of.N)), time.Duration(of.Oldest*float64(time.Second))
	if of.N > 0 {
		says = v.words.T("realm.count-since", "Count", says, "For", v.words.Span(age))
	}
	return v.tile(name, says, of.N == 0 || age < late)
}

// answering says whether Keycloak answers.
func (v *visit) answering(silent time.Duration) tile {
	if silent == 0 {
		return v.tile("keycloak", v.words.T("realm.answers"), true)
	}
	return v.tile("keycloak", v.words.T("realm.silent", "For", v.words.Span(silent)), false)
}
