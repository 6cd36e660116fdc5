package portal

import (
	"time"

	"countersign/broker/registry"
	"countersign/policies"
)

// noon is the moment of all stories.
var noon = time.Date(2026, time.November, 22, 20, 0, 0, 0, time.UTC)

// hostile is typed into fields of a story: markup, quotes, a long word.
const hostile = `"><script>alert(1)</script>' onfocus=alert(1) Ωx` + "javascript:alert(1)"

// The people and places of the stories.
var (
	cedar   = registry.Site{ID: "0198a9a8-2222-7000-8000-000000000000", Program: "careconnect", Code: "k3j9d2", Name: "Cedar Hill Family Practice", City: "Victoria", TZ: "America/Vancouver", Opened: moment(noon)}
	unnamed = registry.Site{ID: "0198a9a8-2222-7000-8000-000000000001", Program: "careconnect", Name: hostile, City: "Nanaimo", TZ: "America/Vancouver"}
	ana     = registry.Account{ID: "0198a9a8-0000-7000-8000-00000000000a", UserName: "ana.w", GivenName: "Ana", Surname: "Whitefeather-O’Sullivan", Email: "ana@cedarhill.example"}
	ben     = registry.Account{ID: "0198a9a8-0000-7000-8000-00000000000b", UserName: "ben.osei", GivenName: "Ben", Surname: "Osei", Email: "ben@cedarhill.example"}
	mallory = registry.Account{ID: "0198a9a8-0000-7000-8000-00000000000c", UserName: "mallory", GivenName: hostile, Surname: hostile, Email: "m@cedarhill.example"}
	tuesday = noon.AddDate(0, 0, -5)
)

const (
	joinID    = "0198a9a8-3333-7000-8000-000000000000"
	requestID = "0198a9a8-1111-7000-8000-000000000000"
)

func need(n policies.Need, state policies.State) registry.NeedView {
	return registry.NeedView{NeedState: policies.NeedState{Need: n, State: state}, Key: n.Key()}
}

// turn marks a need as one that the person who looks can decide in a capacity.
func turn(n registry.NeedView, as policies.Approver, mine bool, names ...string) registry.NeedView {
	n.As, n.Mine, n.Turn, n.Names = as, mine, true, names
	return n
}

func waitsFor(n registry.NeedView, as policies.Approver, names ...string) registry.NeedView {
	n.As, n.Names = as, names
	return n
}

// needOf finds a need of a role by its key.
func needOf(p *policies.Program, role, key string, state policies.State) registry.NeedView {
	r, _ := p.Role(role)
	for _, n := range r.Needs {
		if n.Key() == key {
			return need(n, state)
		}
	}
	panic("no such need: " + key)
}

func siteNeed(p *policies.Program, key string, state policies.State) registry.NeedView {
	for _, n := range p.Sites.Needs {
		if n.Key() == key {
			return need(n, state)
		}
	}
	panic("no such need: " + key)
}

func itemOf(p *policies.Program, kind, role, state string, who registry.Account, site registry.Site) registry.Item {
	return registry.Item{Request: registry.Request{ID: requestID, Ref: "K3J9-M2PX", Program: p.ID, Kind: kind, Role: role, Account: who.ID, By: who.ID, Site: site.ID,
		State: state, Version: 4, Created: tuesday, Submitted: moment(tuesday)}, Site: site, Subject: who}
}

// moment gives a time an address.
func moment(t time.Time) *time.Time { return &t }
