package portal

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"countersign/broker/registry"
	"countersign/broker/session"
)

// Deps are what the portal stands on.
type Deps struct {
	Registry  *registry.Registry
	Sessions  *session.Sessions
	PublicURL *url.URL       // where people reach the portal; links and cookies follow it, never the Host header (A59)
	Issuer    *url.URL       // where signing out goes on to
	Proxies   []netip.Prefix // whose X-Forwarded-For is believed (A66); usually none
	Version   string         // for the footer (A76)
	Demo      bool
	Log       *slog.Logger

	Served func(route string, status int, took time.Duration) // told of each answer; nil for nobody
	Silent func() time.Duration                               // for how long Keycloak has not answered; 0: it answers. It asks nobody
}

// site is the portal at work: its dependencies and nothing that changes.
type site struct {
	Deps
	pages http.Handler // its routes
}

// New makes the portal.
func New(d Deps) http.Handler {
	s := &site{Deps: d}
	s.pages = s.routes()
	return guard(contentPolicy(d.Issuer), d.PublicURL.Scheme == "https", s.refuse)(s.pages)
}
