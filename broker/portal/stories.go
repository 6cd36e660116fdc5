package portal

import (
	"net/url"
	"time"

	"countersign/broker/locale"
	"countersign/broker/registry"
	"countersign/policies"
)

// A story is one page in one state, with canned data. Its name is that of its
// template, or begins with it; the first one told of a template is that page as
// most people meet it, its default state.
type story struct {
	name string
	page view
}

// tellers tell the stories of each part of the portal, in the words of the visit.
var tellers = []func(*visit, places, *policies.Program) []story{
	publicStories, askStories, accessStories, trackerStories, inboxStories, caseStories, memberStories, idleStories, methodStories, factorStories, realmStories, brakeStories, endStories, differenceStories, adoptionStories,
}

// stories are every page in every state that a handler can produce, in one language.
func stories(lang string) ([]story, error) {
	all, err := policies.Builtin()
	if err != nil {
		return nil, err
	}
	registrar := policies.Actor{Account: ana.ID, Holds: []policies.Held{{Program: policies.OperatorProgram, SiteCode: "careconnect", Role: "registrar"}}}
	v := &visit{site: &site{Deps: Deps{PublicURL: &url.URL{Scheme: "https", Host: "portal.example"}, Silent: func() time.Duration { return 0 }}}, words: locale.For(lang),
		person: registry.Person{Account: ana, Actor: registrar, At: noon}}
	var out []story
	for _, tell := range tellers {
		out = append(out, tell(v, places{v, all}, all["careconnect"])...)
	}
	return out, nil
}

// whileSilent is a visit while Keycloak has not answered for three minutes.
func (v *visit) whileSilent() *visit {
	away := *v.site
	away.Silent = func() time.Duration { return 3 * time.Minute }
	silent := *v
	silent.site = &away
	return &silent
}

// storyVersion stands for the version of the build.
const storyVersion = "1.0.0-story"

// heres are the paths of the pages that the header leads to.
var heres = map[string]string{"home": "/", "access": "/access", "inbox": "/inbox", "desk": "/desk", "signup": "/sign-up", "realm": "/realm"}

// asStranger puts the frame before sign-in around a page that a handler's own
// function made.
func asStranger[P view](p P) P {
	f := p.frame()
	f.Return = "/"
	f.Op, f.Here = "0198a9a8-0000-7000-8000-000000000000", heres[p.view()]
	f.Build = build{Version: storyVersion, Assets: assetsPath}
	return p
}

// asMember is asStranger for a person signed in, in a demo.
func asMember[P view](p P) P {
	f := asStranger(p).frame()
	f.Person, f.FormToken = &who{Name: ana.Name(), Inbox: true, Desk: true, Realm: true}, "form-token"
	f.Build.Demo = true
	f.Watch = &watch{Left: 900, Whole: 40000, Who: "ana", Warn: 120, Typed: len(f.Problems) > 0}
	return p
}
