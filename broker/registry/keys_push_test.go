package registry

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"
)

// The example of the contract checks a signed event with nothing but our published
// keys; a folder of keys of before signs events, by keys of their own, and those of an
// older key of the folder stay good.
func TestEventExample(t *testing.T) {
	t.Parallel()
	file := func(b byte) *fstest.MapFile { return &fstest.MapFile{Data: bytes.Repeat([]byte{'5', b}, 32)} }
	before, err := OpenKeys(fstest.MapFS{"sign.k1": file('a'), "seal.k1": file('a'), "pepper.k1": file('a')})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := OpenKeys(fstest.MapFS{"sign.k1": file('a'), "sign.k2": file('b'), "seal.k1": file('a'), "pepper.k1": file('a')})
	if err != nil {
		t.Fatal(err)
	}
	old, now := &Registry{keys: before}, &Registry{keys: keys}
	if bytes.Equal(before.pushKey("k1").Public().(ed25519.PublicKey), before.Public()["k1"]) {
		t.Error("events are signed with the record's own key")
	}
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewEncoder(w).Encode(now.TokenKeys()); err != nil || r.URL.Path != "/.well-known/jwks.json" {
			t.Error(r.URL, err)
		}
	}))
	t.Cleanup(portal.Close)
	check := func(token, client string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "sh", "../../keycloak-realm/examples/event.sh")
		cmd.Env = append(os.Environ(), "PORTAL="+portal.URL, "CLIENT_ID="+client)
		cmd.Stdin = strings.NewReader(token + "\n")
		var out, wrong bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &wrong
		if err := cmd.Run(); err != nil {
			return "", errors.New(wrong.String())
		}
		return out.String(), nil
	}
	claims := map[string]any{"iss": portal.URL, "aud": "viewer", "sub_id": map[string]string{"sub": "ada"},
		"events": map[string]any{"https://schemas.openid.net/secevent/caep/event-type/session-revoked": map[string]any{"groups_lost": []string{"/access/careconnect/s1/viewer"}}}}
	for name, r := range map[string]*Registry{"of now": now, "of before": old} {
		token, err := r.SignToken(claims)
		if err != nil {
			t.Fatal(err)
		}
		said, err := check(token, "viewer")
		if err != nil || said != `{"sub":"ada","lost":["/access/careconnect/s1/viewer"]}`+"\n" {
			t.Errorf("a token %s: %q, %v", name, said, err)
		}
		if _, err := check(token, "other"); err == nil || !strings.Contains(err.Error(), "somebody else") {
			t.Errorf("a token %s, for another: %v", name, err)
		}
		parts := strings.Split(token, ".")
		if _, err := check(parts[0]+"."+parts[1]+"x."+parts[2], "viewer"); err == nil {
			t.Errorf("a token %s that was changed passes", name)
		}
	}
}
