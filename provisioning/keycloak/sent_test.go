package keycloak_test

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/provisioning/keycloak"
)

// door stands between every realm of these tests and Keycloak, and keeps what the two
// service accounts send: what left the process, not what was meant to.
var door = &recording{sent: map[string]map[string]bool{}}

type recording struct {
	*httptest.Server
	mu   sync.Mutex
	sent map[string]map[string]bool // "METHOD path" by account
}

// open begins to record.
func (r *recording) open(keycloak string) error {
	target, err := url.Parse(keycloak)
	if err != nil {
		return err
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.keep(req)
		forward.ServeHTTP(w, req)
	}))
	return nil
}

func (r *recording) keep(req *http.Request) {
	rest, admin := strings.CutPrefix(req.URL.Path, "/admin/realms/")
	_, path, _ := strings.Cut(rest, "/")
	account := party(req.Header.Get("Authorization"))
	if !admin || account == "" {
		return // a token, or what everybody may ask
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sent[account] == nil {
		r.sent[account] = map[string]bool{}
	}
	r.sent[account][req.Method+" "+path] = true
}

// party is the client to which a token was given: reader, writer, or anybody.
func party(authorization string) string {
	parts := strings.Split(strings.TrimPrefix(authorization, "Bearer "), ".")
	if len(parts) != 3 {
		return ""
	}
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ AZP string }
	_ = json.Unmarshal(body, &claims) // then it is nobody's
	return strings.TrimPrefix(claims.AZP, "countersign-")
}

// faults are calls that left and are on no list, and, where all tests ran, those on a
// list that no flow of the adapter made: a list that is too long.
func (r *recording) faults() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	lists := keycloak.Lists()
	whose := map[string][]string{"writer": {"writer", "writer's probes"}, "reader": {"reader", "inspection", "reader's probes"}}
	used := map[string]bool{}
	for account, sent := range r.sent {
		for one := range sent {
			method, path, _ := strings.Cut(one, " ")
			found := false
			for _, list := range whose[account] {
				i := slices.IndexFunc(lists[list], func(c string) bool {
					m, pattern, _ := strings.Cut(c, " ")
					return m == method && keycloak.Matches(pattern, path)
				})
				if i >= 0 {
					found = true
					used[list+": "+lists[list][i]] = true
				}
			}
			if !found {
				all = append(all, fmt.Sprintf("the %s sent %s, which is on no list", account, one))
			}
		}
	}
	if len(r.sent) == 0 || flag.Lookup("test.run").Value.String()+flag.Lookup("test.skip").Value.String() != "" || flag.Lookup("test.short").Value.String() == "true" {
		return all
	}
	for _, list := range slices.Sorted(maps.Keys(lists)) {
		for _, c := range lists[list] {
			if !used[list+": "+c] {
				all = append(all, fmt.Sprintf("no flow made %s, which is on the list of %s", c, list))
			}
		}
	}
	return all
}

// sends are what each of gocloak's methods that the adapter uses sends. A new one has
// to be put here, and so on a list; or it is an administrator's, who has none.
var sends = map[string]string{
	"GetUsers": "reader GET users", "GetUserByID": "reader GET users/*", "GetUserGroups": "reader GET users/*/groups",
	"GetGroupByPath": "reader GET group-by-path/**", "GetClients": "reader GET clients", "GetClientRoles": "reader GET clients/*/roles",
	"ExecuteActionsEmail": "writer PUT users/*/execute-actions-email", "DeleteUser": "writer DELETE users/*",
	"AddUserToGroup": "writer PUT users/*/groups/*", "DeleteUserFromGroup": "writer DELETE users/*/groups/*",
	"RevokeUserConsents": "writer DELETE users/*/consents/*", "LogoutAllSessions": "writer POST users/*/logout",
	"CreateChildGroup": "writer POST groups/*/children", "UpdateGroup": "writer PUT groups/*",
	"AddClientRolesToGroup": "writer POST groups/*/role-mappings/clients/*", "DeleteClientRoleFromGroup": "writer DELETE groups/*/role-mappings/clients/*",

	"RestyClient": "", "GetRequest": "", "GetRequestWithBearerAuth": "", // the way, not a call
	"DeleteClient": "", "RegenerateClientSecret": "", // app remove, app rotate
}

// The adapter's source makes no call that is not on a list: none through gocloak but
// those above, by the account that may, and none past gocloak but where everybody may
// ask; and every account but an administrator's speaks through a guard.
// proves: attack A68
func TestSourceMakesListedCalls(t *testing.T) {
	t.Parallel()
	set := gotoken.NewFileSet()
	names, err := filepath.Glob("*.go")
	must(t, err)
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	lists := keycloak.Lists()
	used := map[string]bool{}
	for _, name := range names {
		file, err := parser.ParseFile(set, name, nil, 0)
		must(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			at := set.Position(c.Pos())
			switch f := c.Fun.(type) {
			case *ast.Ident:
				if f.Name != "newAccount" {
					break
				}
				if guarded := strings.Contains(source(c.Args[5]), "guard"); !guarded && name != "admin.go" && source(c.Args[4]) != `""` {
					t.Errorf("%s: an account without a guard", at)
				}
			case *ast.SelectorExpr:
				on := source(f.X)
				if on == "http" && slices.Contains([]string{"Get", "Post", "PostForm", "Head"}, f.Sel.Name) || on == "http.DefaultClient" || f.Sel.Name == "Do" && name != "inspect.go" {
					if _, pkg := f.X.(*ast.Ident); pkg || f.Sel.Name == "Do" {
						t.Errorf("%s: %s.%s goes past every list", at, on, f.Sel.Name)
					}
				}
				whose, through := strings.CutSuffix(on, ".kc")
				if !through {
					break
				}
				what, known := sends[f.Sel.Name]
				account, call, _ := strings.Cut(what, " ")
				used[f.Sel.Name] = true
				if !known || what != "" && (!strings.HasSuffix(whose, "."+account) || !slices.Contains(lists[account], call)) {
					t.Errorf("%s: %s.%s is no call of the list, or not of this account's", at, on, f.Sel.Name)
				}
			}
			return true
		})
	}
	for method := range sends {
		if !used[method] && method != "RestyClient" {
			t.Errorf("nobody calls %s any more", method)
		}
	}
}

// source is an expression of names as it was written, more or less.
func source(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return source(e.X) + "." + e.Sel.Name
	case *ast.BasicLit:
		return e.Value
	case *ast.UnaryExpr:
		return source(e.X)
	case *ast.CompositeLit:
		return source(e.Type)
	case *ast.CallExpr:
		text := source(e.Fun)
		for _, a := range e.Args {
			text += " " + source(a)
		}
		return text
	}
	return ""
}
