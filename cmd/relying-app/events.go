package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// sessionRevoked is the one kind of event (CAEP 1.0) that this application acts on.
const sessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"

// clocks may differ by so much between who issues tokens, who issues events, and us.
const clocks = time.Minute

// events are the signed events that we take: from whom, and by which keys.
type events struct {
	issuer string
	keys   oidc.KeySet
}

// refusal is an answer of RFC 8935, section 2.3: it is shown to whoever sent the event.
type refusal struct {
	Err         string `json:"err"`
	Description string `json:"description"`
}

// event takes a Security Event Token (RFC 8417), pushed by RFC 8935. Keycloak sends its
// logout token once; this is how we hear of an end although we were not there then.
// It is confirmed when the sessions are over, and a repeated one once more.
func (a *app) event(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil || r.Header.Get("Content-Type") != "application/secevent+jwt" {
		refuse(w, refusal{"invalid_request", "want one application/secevent+jwt"})
		return
	}
	e, wrong := a.events.read(r.Context(), string(raw), a.clientID)
	if wrong != nil {
		refuse(w, *wrong)
		return
	}
	if _, ours := e.Events[sessionRevoked]; ours && e.Subject.Issuer == a.issuer {
		a.sessions.revoke(e.ID, e.Subject.Sub, time.Unix(e.IssuedAt, 0).Add(clocks))
	}
	w.WriteHeader(http.StatusAccepted)
}

func refuse(w http.ResponseWriter, why refusal) {
	log.Printf("event refused: %s: %s", why.Err, why.Description)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(why)
}

// securityEvent is a token as far as we read it.
type securityEvent struct {
	Issuer   string   `json:"iss"`
	Audience audience `json:"aud"`
	ID       string   `json:"jti"`
	IssuedAt int64    `json:"iat"`
	Subject  struct { // RFC 9493
		Format string `json:"format"`
		Issuer string `json:"iss"`
		Sub    string `json:"sub"`
	} `json:"sub_id"`
	Events map[string]json.RawMessage `json:"events"`
}

// audience is one name or several.
type audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

// read checks that a token is a security event (an ID token is none), for us, from the
// issuer that we know, signed by its key.
func (e events) read(ctx context.Context, raw, clientID string) (found securityEvent, wrong *refusal) {
	head, _, _ := strings.Cut(raw, ".")
	header, err := base64.RawURLEncoding.DecodeString(head)
	var kind struct{ Typ, Alg string }
	if err != nil || json.Unmarshal(header, &kind) != nil || kind.Typ != "secevent+jwt" || kind.Alg != "EdDSA" {
		return found, &refusal{"invalid_request", fmt.Sprintf("typ %q, alg %q", kind.Typ, kind.Alg)}
	}
	body, err := e.keys.VerifySignature(ctx, raw)
	if err != nil {
		return found, &refusal{"invalid_key", "the signature is by no key of " + e.issuer}
	}
	switch err := json.Unmarshal(body, &found); {
	case err != nil || found.ID == "" || len(found.Events) == 0 || found.Subject.Format != "iss_sub" || found.Subject.Sub == "":
		return found, &refusal{"invalid_request", "jti, sub_id and events are needed"}
	case found.Issuer != e.issuer:
		return found, &refusal{"invalid_issuer", "want " + e.issuer}
	case !slices.Contains(found.Audience, clientID):
		return found, &refusal{"invalid_audience", "want " + clientID}
	case time.Until(time.Unix(found.IssuedAt, 0)) > clocks:
		return found, &refusal{"invalid_request", "iat is in the future"}
	}
	return found, nil
}
