package policies

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// saying fails where a text does not state what it must; letters' case aside.
func saying(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	low := strings.ToLower(text)
	for _, p := range parts {
		if !strings.Contains(low, strings.ToLower(p)) {
			t.Errorf("%s does not say %q", what, p)
		}
	}
}

// What people read before they sign in states what the network's own page states.
//
// proves: C1 C2 C3 C5 C6 C7 C8 C9 C11 C13 C14 C24 C25 C26
func TestCareConnectWords(t *testing.T) {
	t.Parallel()
	p := programs(t)["careconnect"]
	for key, parts := range map[string][]string{
		"eligibility":     {"community-based", "members of their teams", "direct care", "not for", "research", "quality improvement", "quality assurance"},
		"time":            {"30 to 60 minutes", "come back"},
		"guide.overview":  {"register the worksite", "ask to join", "each one", "own account", "authorizes you"},
		"guide.site":      {"lead moa", "office manager", "physician", "signing authority", "declaration", "two mails", "no access to patient information"},
		"declaration":     {"signing authority", "cannot be approved"},
		"browser":         {"Microsoft Edge", "officially supported", "other browsers"},
		"feedback":        {"write to"},
		"welcome":         {"eHealth Viewer", "sign in", "direct care", "this worksite"},
		"welcome.subject": {"CareConnect"},
		"agreements":      {"sign"},
	} {
		saying(t, key, p.Text(English, key), parts...)
	}
}

// Each role has a guide of steps, and says whether it needs or gives authorization.
//
// proves: C16 C17 C18 C19 C20 C21 C22
func TestCareConnectGuides(t *testing.T) {
	t.Parallel()
	p := programs(t)["careconnect"]
	for _, r := range p.Roles {
		guide := p.Text(English, "guide.role."+r.Code)
		saying(t, r.Code, guide, "\n1. ", "\n2. ", "\n3. ")
		about := p.Text(English, "role."+r.Code+".about")
		switch {
		case r.Can(Authorize):
			saying(t, r.Code, guide+about, "authorize others", "their behalf")
		case r.AsHolder:
			saying(t, r.Code, guide+about, "at most", "before you get access", "ends with theirs")
		case len(r.Gives) > 0:
			saying(t, r.Code, guide+about, "need no authorization from another provider", "cannot authorize")
		default:
			saying(t, r.Code, about, "no access to patient information")
		}
	}
}

// Each agreement states the clauses that it is about, and is marked as a sample.
//
// proves: C2 C3 C9 C11 C13 C14 C15
func TestCareConnectAgreements(t *testing.T) {
	t.Parallel()
	p := programs(t)["careconnect"]
	for name, parts := range map[string][]string{
		"direct-care-only":          {"direct patient care only", "research", "quality improvement", "quality assurance", "one year"},
		"access-agreement":          {"one person, one account", "not share", "worksite that you have joined", "eHealth Viewer", "confidential", "report at once", "suspend"},
		"worksite-privacy-security": {"signing authority", "privacy", "devices", "network", "incident", "administrator", "direct patient care"},
	} {
		v, ok := p.Agreements[name].Current(d0)
		if !ok || !v.Sample {
			t.Fatalf("%s: no current version that is marked as a sample", name)
		}
		saying(t, name, v.Texts[English].Markdown, append(parts, "sample text")...)
	}
	if len(p.Agreements) != 3 {
		t.Errorf("%d agreements", len(p.Agreements))
	}
}

// The rules as data: who needs what, who may do what, and how a worksite comes to be.
//
// proves: C7 C9 C12 C15 C17 C19 C20 C21 C22 X5 X8
func TestCareConnectRules(t *testing.T) {
	t.Parallel()
	p := programs(t)["careconnect"]
	var site []string
	for _, n := range p.Sites.Needs {
		site = append(site, n.Key())
	}
	if want := []string{"declare:worksite-privacy-security", "approve:registrar", "approve:second-registrar"}; !slices.Equal(site, want) {
		t.Errorf("a worksite needs %v, want %v", site, want)
	}
	if p.Sites.Needs[2].When != "signer-is-requester" || p.Sites.AdministeredBy != "administrator" || p.Sites.Least != 1 {
		t.Errorf("%+v", p.Sites)
	}
	care := []string{"attest:direct-care-only", "attest:access-agreement"}
	needs := map[string][]string{"administrator": {"approve:registrar"}, "on-behalf-of": append(slices.Clone(care), "approve:group-administrator", "approve:authorizer")}
	for _, r := range p.Roles {
		want := needs[r.Code]
		if want == nil {
			want = append(slices.Clone(care), "standing", "approve:group-administrator")
		}
		var got []string
		for _, n := range r.Needs {
			got = append(got, n.Key())
			if n.Agreement == "direct-care-only" && n.For != 365*24*time.Hour {
				t.Errorf("%s: the statement counts for %s", r.Code, n.For)
			}
			if n.By == ByGroupAdministrator && (n.Else != ByRegistrar || n.MetBy != "declaration") {
				t.Errorf("%s: %+v", r.Code, n)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s needs %v, want %v", r.Code, got, want)
		}
		if r.Can(Authorize) != (r.Code == "practitioner") || r.Can(Administer) != (r.Code == "administrator") || r.AsHolder != (r.Code == "on-behalf-of") {
			t.Errorf("%s may %v", r.Code, r.May)
		}
		if r.Welcome != (r.Code != "administrator") {
			t.Errorf("%s: welcome %v", r.Code, r.Welcome)
		}
	}
}
