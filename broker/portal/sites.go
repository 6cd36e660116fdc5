package portal

import (
	"net/http"
	"strings"

	"countersign/broker/registry"
	"countersign/policies"
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
	p := v.sitesPage(program)
	p.siteSearch, p.Problems, err = v.searchSites(program.ID, "/requests/new/"+program.ID+"/join?site=")
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, p)
}

func (v *visit) sitesPage(program *policies.Program) *sitesPage {
	word := v.words.Program(program, "site.word")
	return &sitesPage{Page: v.page(v.words.T("sites.title", "Site", word), ""), ID: program.ID, Name: v.words.Program(program, "name"), Site: word,
		Begin: "/requests/new/" + program.ID + "/site"}
}

// searchSites finds the sites that the address asks for. What nobody can have
// typed asks for none.
func (v *visit) searchSites(program, joinAt string) (siteSearch, []problem, error) {
	query := strings.TrimSpace(v.r.URL.Query().Get("q"))
	if !policies.Clean(query, false) {
		query = ""
	}
	if query == "" {
		search, problems := v.siteSearch("", joinAt, nil)
		return search, problems, nil
	}
	found, err := v.Registry.FindSites(v.ctx(), program, query)
	if wrong := fieldsOf(err); wrong != nil {
		search, problems := v.siteSearch(query, joinAt, wrong)
		return search, problems, nil
	}
	search, _ := v.siteSearch(query, joinAt, nil)
	search.Searched, search.Found = true, found
	return search, nil, err
}

func (v *visit) siteSearch(query, joinAt string, wrong map[string]string) (siteSearch, []problem) {
	asks := []control{input("q", "text", v.words.T("sites.query"), v.words.T("sites.query-hint"), query)}
	problems := mark(asks, v.messages(wrong))
	return siteSearch{Query: asks[0], JoinAt: joinAt}, problems
}
