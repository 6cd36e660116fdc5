package portal

import (
	"net/http"
	"strings"

	"countersign/broker/registry"
)

// sitesPage tells whether a site is registered: names and cities only.
type sitesPage struct {
	Page
	ID, Name, Site string
	siteSearch
	Begin string // of a site request
}

func (*sitesPage) view() string { return "sites" }

// siteSearch asks for a site by its name or city, and lists what was found.
type siteSearch struct {
	Query    control
	Searched bool
	Found    []registry.SiteHit
	JoinAt   string // of a join request; the site's id is added
}

func (s *site) findSites(v *visit) error {
	program, err := v.program()
	if err != nil {
		return err
	}
	word := v.words.Program(program, "site.word")
	p := &sitesPage{Page: v.page(v.words.T("sites.title", "Site", word), ""), ID: program.ID, Name: v.words.Program(program, "name"), Site: word,
		Begin: "/requests/new/" + program.ID + "/site"}
	p.siteSearch, p.Problems, err = v.searchSites(program.ID, "/requests/new/"+program.ID+"/join?site=")
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, p)
}

// searchSites finds the sites that the address asks for. What nobody can have
// typed asks for none.
func (v *visit) searchSites(program, joinAt string) (siteSearch, []problem, error) {
	query := strings.TrimSpace(v.r.URL.Query().Get("q"))
	if !clean(query, false) {
		query = ""
	}
	asks := []control{input("q", "text", v.words.T("sites.query"), v.words.T("sites.query-hint"), query)}
	if query == "" {
		return siteSearch{Query: asks[0], JoinAt: joinAt}, nil, nil
	}
	found, err := v.Registry.FindSites(v.ctx(), program, query)
	if wrong := fieldsOf(err); wrong != nil {
		problems := mark(asks, v.messages(wrong))
		return siteSearch{Query: asks[0], JoinAt: joinAt}, problems, nil
	}
	return siteSearch{Query: asks[0], Searched: true, Found: found, JoinAt: joinAt}, nil, err
}
