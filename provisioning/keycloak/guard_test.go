package keycloak

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// recorder stands where the network begins.
type recorder struct {
	sent []string
	body string
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.sent = append(r.sent, req.Method+" "+req.URL.Path)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(r.body))}, nil
}

func try(t *testing.T, allowed []call, method, path, body string) (sent bool, err error) {
	t.Helper()
	next := &recorder{body: "[]"}
	g := &guard{realm: "r", allowed: allowed, next: next}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://keycloak.test"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := g.RoundTrip(req)
	if err == nil {
		err = resp.Body.Close()
	}
	return len(next.sent) > 0, err
}

// Everything that manage-users allows and the product must never do is refused
// before it leaves the process. The list is what keycloak.md calls the residue.
func TestGuardRefuses(t *testing.T) {
	t.Parallel()
	const admin = "/admin/realms/r"
	for _, c := range []struct{ method, path, body string }{
		{"PUT", admin + "/users/u/reset-password", "{}"},
		{"PUT", admin + "/users/u", "{}"},
		{"PUT", admin + "/users/u", `{"attributes":{"locale":["es"]}}`}, // somebody whom we did not make
		{"PUT", admin + "/users/u", `{"attributes":{"countersign_account":["a"]},"enabled":false}`},
		{"PUT", admin + "/users/u", `{"attributes":{"countersign_account":["a"]},"credentials":[{"type":"password","value":"x"}]}`},
		{"PUT", admin + "/users/u", `{"attributes":{"countersign_account":["a"]},"requiredActions":[]}`},
		{"PUT", admin + "/users/u", `{"attributes":{"countersign_account":["a"]},"emailVerified":true}`},
		{"PUT", admin + "/users/u", `{"attributes":{"countersign_account":["a"]},"username":"x"}`},
		{"PUT", admin + "/users/profile", `{"attributes":[{"name":"countersign_account"}]}`},
		{"DELETE", admin + "/users", ""},
		{"POST", admin + "/users", `{"username":"ana","credentials":[{"type":"password","value":"x"}]}`},
		{"POST", admin + "/users", `not json`},
		{"POST", admin + "/users/u/federated-identity/idp", "{}"},
		{"POST", admin + "/users/u/impersonation", ""},
		{"POST", admin + "/users/u/role-mappings/realm", "[]"},
		{"POST", admin + "/users/u/role-mappings/clients/c", "[]"},
		{"PUT", admin + "/users/u/disable-credential-types", "[]"},
		{"POST", admin + "/logout-all", ""},
		{"DELETE", admin + "/attack-detection/brute-force/users", ""},
		{"POST", admin + "/groups", "{}"},
		{"DELETE", admin + "/groups/g", ""},
		{"POST", admin + "/groups/g/role-mappings/realm", "[]"},
		{"PUT", admin, "{}"},
		{"DELETE", admin, ""},
		{"GET", admin + "/clients/c/client-secret", ""},
		{"GET", admin + "/clients/c", ""},
		{"POST", admin + "/clients/c/client-secret", ""},
		{"GET", admin + "/users", ""}, // the writer does not read
		{"PUT", admin + "/users/../clients/c", "{}"},
		{"PUT", admin + "/users//groups/g", ""},
		{"PUT", admin + "/users/u/groups/g/more", ""},
		{"PUT", admin + "/users/u/groups", ""},
		{"DELETE", admin + "/users/u/credentials", ""},
		{"POST", admin + "/users/u/credentials/c/moveToFirst", ""},
		{"PUT", admin + "/users/u/credentials/c/userLabel", "x"},
		{"POST", "/admin/realms/master/users", `{}`},
		{"POST", "/admin/realms/rr/users", `{}`},
		{"POST", "/realms/master/protocol/openid-connect/token", ""},
		{"GET", "/", ""},
	} {
		sent, err := try(t, writes, c.method, c.path, c.body)
		if sent || !errors.Is(err, errNotListed) {
			t.Errorf("%s %s %s: sent %v, error %v", c.method, c.path, c.body, sent, err)
		}
	}
	for _, path := range []string{"/clients/c/client-secret", "/clients/c", "/clients/c/installation/providers/keycloak-oidc-keycloak-json", "/users/u/credentials/c", "/users/u/configured-user-storage-credential-types", "/groups/g/members/m", "/groups/g/role-mappings", "/admin-events/e", "/events", "/group-by-path/", "/group-by-path/../clients"} {
		if sent, err := try(t, reads, "GET", admin+path, ""); sent || !errors.Is(err, errNotListed) {
			t.Errorf("GET %s: sent %v, error %v", path, sent, err)
		}
	}
	if sent, _ := try(t, reads, "POST", admin+"/users", "{}"); sent {
		t.Error("the reader wrote")
	}
}

func TestGuardLetsThrough(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/admin/realms/r/users", `{"username":"ana"}`},
		{"PUT", "/admin/realms/r/users/u/groups/g", ""},
		{"PUT", "/admin/realms/r/users/u", `{"email":"a@x.test","firstName":"A","lastName":"B","attributes":{"countersign_account":["a"],"locale":["es"]}}`},
		{"DELETE", "/admin/realms/r/users/u", ""},
		{"DELETE", "/admin/realms/r/users/u/credentials/c", ""},
		{"POST", "/realms/r/protocol/openid-connect/token", ""},
	} {
		if sent, err := try(t, writes, c.method, c.path, c.body); !sent || err != nil {
			t.Errorf("%s %s: sent %v, error %v", c.method, c.path, sent, err)
		}
	}
	for _, path := range []string{"", "/users", "/users/u", "/users/u/groups", "/users/u/credentials", "/group-by-path/access/careconnect/s1", "/clients", "/clients/c/roles/r/users"} {
		if sent, err := try(t, reads, "GET", "/admin/realms/r"+path, ""); !sent || err != nil {
			t.Errorf("GET %s: sent %v, error %v", path, sent, err)
		}
	}
}
