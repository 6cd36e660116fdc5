package portal

import (
	"net/http"
	"strings"
	"unicode/utf8"
)

// sitesPage tells whether a site is registered: names and cities only.
type sitesPage struct {
	Page
	ID, Name, Site string
	Query          control
	Searched       bool
	Found          []siteLine
	Begin          string // of a site request
	JoinAt         string // of a join request; the site's id is added
}

func (*sitesPage) view() string { return "sites" }

// siteLine is a site as anyone may see it.
type siteLine struct{ ID, Name, City string }

// leastQuery keeps the list of sites from being read off letter by letter.
const leastQuery = 3

func (s *site) findSites(v *visit) error {
	program, err := v.program()
	if err != nil {
		return err
	}
	word := v.words.Program(program, "site.word")
	query := strings.TrimSpace(v.r.URL.Query().Get("q"))
	p := &sitesPage{Page: v.page(v.words.T("sites.title", "Site", word), ""), ID: program.ID, Name: v.words.Program(program, "name"), Site: word,
		Query: input("q", "search", v.words.T("sites.query"), v.words.T("sites.query-hint"), query),
		Begin: "/requests/new/" + program.ID + "/site", JoinAt: "/requests/new/" + program.ID + "/join?site="}
	switch {
	case query == "":
	case utf8.RuneCountInString(query) < leastQuery || !clean(query, false):
		p.Query.Error = v.words.T("error.three-letters")
		p.Problems = []problem{{Field: "q", Message: p.Query.Error}}
	default:
		found, err := s.Registry.FindSites(v.ctx(), program.ID, query)
		if err != nil {
			return err
		}
		p.Searched = true
		for _, f := range found {
			p.Found = append(p.Found, siteLine{ID: f.ID, Name: f.Name, City: f.City})
		}
	}
	return v.show(http.StatusOK, p)
}
