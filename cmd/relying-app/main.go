// Command relying-app is a small application as a customer would write it: it
// knows the issuer, its own client, and nothing else of Countersign.
//
// What the contract with applications asks (keycloak-realm/README.md) is in
// oidc.go: code + PKCE, the ID token checked to the end, tokens refreshed on human
// activity at most every five minutes, a refused refresh ends the session, and a
// back-channel logout that is answered at once with Connection: close.
//
//	GET  /                     who is signed in and what the token carries
//	GET  /api/me               the same as JSON, or 401; polls do not keep a session alive
//	GET  /sign-in, /callback   OpenID Connect
//	POST /sign-out             here, then at Keycloak
//	POST /back-channel-logout  from Keycloak
//	POST /events               signed events, where their issuer is given
//
// Sessions are in memory: restarting it signs everybody out.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"html/template"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

//go:embed page.html
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

// app is the application.
type app struct {
	issuer, clientID, publicURL, endSession string
	cookieName                              string // with the port: cookies ignore it, and two demos may run side by side
	leastACR                                string // empty: any
	oauth                                   oauth2.Config
	verifier                                *oidc.IDTokenVerifier
	http                                    *http.Client
	sessions                                *sessions
	events                                  events
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("relying-app: ")
	listen := flag.String("listen", env("LISTEN", "127.0.0.2:7406"), "address to listen on")
	public := flag.String("public-url", env("PUBLIC_URL", ""), "address that browsers use; default http://LISTEN")
	issuer := flag.String("issuer", env("ISSUER", ""), "OpenID Connect issuer")
	client := flag.String("client-id", env("CLIENT_ID", "relying-app"), "client at the issuer; its secret is in CLIENT_SECRET")
	least := flag.String("least-acr", env("LEAST_ACR", ""), "what a sign-in must have proved: asked for, and checked in the claim acr; default anything")
	signer := flag.String("events-issuer", env("EVENTS_ISSUER", ""), "who signs the events that are taken; its keys are at /.well-known/jwks.json; default none")
	flag.Parse()
	if *public == "" {
		*public = "http://" + *listen
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a, err := newApp(ctx, *issuer, *client, os.Getenv("CLIENT_SECRET"), *public, *least)
	if err != nil {
		log.Fatal(err)
	}
	if *signer != "" {
		a.events = events{*signer, oidc.NewRemoteKeySet(oidc.ClientContext(ctx, a.http), *signer+"/.well-known/jwks.json")}
	}
	server := &http.Server{Addr: *listen, Handler: a.routes(), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // sessions are lost anyway: nothing to wait for
	log.Printf("%s, issuer %s", *public, *issuer)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func env(name, otherwise string) string {
	if v, ok := os.LookupEnv(name); ok {
		return v
	}
	return otherwise
}

// newApp waits until the issuer answers.
func newApp(ctx context.Context, issuer, clientID, secret, publicURL, leastACR string) (*app, error) {
	client := &http.Client{Timeout: 10 * time.Second}
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, client), issuer)
	for err != nil {
		log.Printf("waiting for the issuer: %v", err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
		p, err = oidc.NewProvider(oidc.ClientContext(ctx, client), issuer)
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := p.Claims(&more); err != nil {
		return nil, err
	}
	publicURL = strings.TrimRight(publicURL, "/")
	public, err := url.Parse(publicURL)
	if err != nil {
		return nil, err
	}
	endpoint := p.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	return &app{
		issuer: issuer, clientID: clientID, publicURL: publicURL, leastACR: leastACR, endSession: more.EndSession, http: client, sessions: newSessions(),
		cookieName: strings.TrimSuffix("relying-app-"+public.Port(), "-"),
		oauth: oauth2.Config{ClientID: clientID, ClientSecret: secret, Endpoint: endpoint,
			RedirectURL: publicURL + "/callback", Scopes: []string{oidc.ScopeOpenID, "profile"}},
		verifier: p.VerifierContext(oidc.ClientContext(context.Background(), client),
			&oidc.Config{ClientID: clientID, SupportedSigningAlgs: []string{oidc.RS256}}),
	}, nil
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /api/me", a.me)
	mux.HandleFunc("GET /sign-in", a.signIn)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("POST /sign-out", a.signOut)
	mux.HandleFunc("POST /back-channel-logout", a.backChannel)
	if a.events.issuer != "" {
		mux.HandleFunc("POST /events", a.event)
	}
	sameOrigin := http.NewCrossOriginProtection() // Keycloak's call has neither Origin nor Sec-Fetch-Site
	return sameOrigin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'")
		mux.ServeHTTP(w, r)
	}))
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	id := cookie(r, a.cookieName)
	s, ok := a.sessions.get(id, true)
	if ok && a.sessions.claimRefresh(id) {
		s, ok = a.refresh(r.Context(), id, s)
	}
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
	}
	if err := page.Execute(w, map[string]any{"In": ok, "Me": s.Me}); err != nil {
		log.Print(err)
	}
}

func (a *app) me(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	s, ok := a.sessions.get(cookie(r, a.cookieName), false)
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":"sign in first"}` + "\n"))
		return
	}
	if err := json.NewEncoder(w).Encode(s.Me); err != nil {
		log.Print(err)
	}
}

func (a *app) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true,
		Secure: strings.HasPrefix(a.publicURL, "https:"), SameSite: http.SameSiteLaxMode})
}

// cookie gives a cookie's value, or "".
func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}
