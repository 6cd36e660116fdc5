package walk

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238's default, and what every authenticator app does
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// phones are the authenticator apps in people's pockets: whoever set codes up in one
// browser has them in another. By realm and user name.
var phones sync.Map

// phone is where the app of a person keeps its secret; realm is any address in it.
func phone(realm, userName string) string {
	_, after, _ := strings.Cut(realm, "/realms/")
	name, _, _ := strings.Cut(after, "/")
	return name + "/" + strings.ToLower(userName)
}

// HasPhone puts a secret that is known otherwise into somebody's authenticator app.
func HasPhone(issuer, userName, secret string) {
	if secret != "" {
		phones.Store(phone(issuer, userName), secret)
	}
}

// Phone is the secret in somebody's authenticator app; empty where there is none.
func Phone(issuer, userName string) string {
	secret, _ := phones.Load(phone(issuer, userName))
	s, _ := secret.(string)
	return s
}

// AppKey is a secret as an authenticator app takes it; SecretOf reads it back.
func AppKey(secret string) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(secret))
}

// SecretOf is the secret of an authenticator app's key; empty where it is none.
func SecretOf(key string) string {
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key)
	if err != nil {
		return ""
	}
	return string(secret)
}

// CodeAt is the six digits that an authenticator app shows at a moment (RFC 6238,
// with the defaults: SHA-1, 30 seconds). Keycloak counts the secret's bytes as they
// are written.
func CodeAt(secret string, t time.Time) string {
	mac := hmac.New(sha1.New, []byte(secret))
	_ = binary.Write(mac, binary.BigEndian, t.Unix()/30) // a hash takes everything
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}

// Is says who sits at the browser, and with which password of the realm's (none
// where they sign in elsewhere): it answers what Keycloak asks of them from then on.
func (b *Browser) Is(userName, password string) { b.who, b.password = userName, password }

// askedForProof tells whether the portal sent the browser to sign in, though it was
// signed in, on the way to an answer: with a stronger or a fresher proof.
func askedForProof(resp *http.Response) bool {
	for r := resp.Request; r != nil && r.Response != nil; r = r.Response.Request {
		if q := r.URL.Query(); r.URL.Path == "/sign-in" && (q.Has("strength") || q.Has("max_age")) {
			return true
		}
	}
	return false
}

// prove answers what Keycloak asks of somebody who is known, until a page of
// somebody else's comes: codes and their setting up always, the password only where
// the portal asked for new proof in the midst of things.
func (b *Browser) prove(page *Page) (*Page, error) {
	asked := page.proved
	for range 5 {
		if b.who == "" || !strings.Contains(page.URL.Path, "/realms/") {
			break
		}
		form, ok := b.proof(page, asked)
		if !ok {
			break
		}
		u, err := page.URL.Parse(form.action)
		if err != nil {
			return nil, err
		}
		req, err := newPost(u, form.values)
		if err != nil {
			return nil, err
		}
		if page, err = b.do(req); err != nil {
			return nil, err
		}
	}
	page.proved = page.proved || asked
	return page, nil
}

// proof is the form of a page of Keycloak's, filled in; not ok where it asks for
// something else, or for more than the person has.
func (b *Browser) proof(page *Page, asked bool) (*Form, bool) {
	at := phone(page.URL.Path, b.who)
	if form := page.FormWith("totpSecret"); form.err == nil {
		secret := form.values.Get("totpSecret")
		phones.Store(at, secret)
		return form.Set("totp", CodeAt(secret, time.Now())).Set("userLabel", "phone"), form.err == nil
	}
	if form := page.FormWith("otp"); form.err == nil {
		secret, known := phones.Load(at)
		if !known {
			return nil, false
		}
		return form.Set("otp", CodeAt(secret.(string), time.Now())), form.err == nil
	}
	if form := page.FormWith("password"); form.err == nil && asked {
		if form.Has("username") {
			form.Set("username", b.who)
		}
		return form.Set("password", b.password), form.err == nil
	}
	return nil, false
}

// resume sends a form again that the portal kept while it asked for proof: on the
// page that came back it is filled in, but for what is confirmed anew.
func (f *Form) resume(path string, page *Page) (*Page, error) {
	again := page.Form(path)
	if again.err != nil {
		return page, nil
	}
	for _, name := range again.names {
		if sent := f.values[name]; len(sent) > 0 && !slices.Contains([]string{"op", "form_token", "version", "display"}, name) {
			again.values[name] = sent
		}
	}
	for name, sent := range f.values { // a button's own name, and fields that scripts would show
		if _, there := again.values[name]; !there {
			again.values[name] = sent
		}
	}
	return again.Send()
}
