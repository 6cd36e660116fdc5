package portal

import (
	"net/http"
	"time"

	"countersign/broker/registry"
)

// realmPage is how Keycloak follows the record, for operators.
type realmPage struct {
	Page
	Piles []pileLine
}

func (*realmPage) view() string { return "realm" }

// pileLine is the work of one kind that waits.
type pileLine struct{ Kind, Count, Oldest string }

func (s *site) realm(v *visit) error {
	x, err := s.Registry.Realm(v.ctx(), v.person.Account.ID)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, v.realmPage(x))
}

func (v *visit) realmPage(x registry.Realm) *realmPage {
	p := &realmPage{Page: v.page(v.words.T("realm.title"), v.words.T("realm.lead"))}
	for _, w := range x.Backlog.Waiting {
		line := pileLine{Kind: v.words.T("realm-kind." + w.Kind), Count: v.words.Number(int(w.N)), Oldest: v.words.T("realm.none")}
		if w.N > 0 {
			line.Oldest = v.words.Span(time.Duration(w.Oldest * float64(time.Second)))
		}
		p.Piles = append(p.Piles, line)
	}
	return p
}
