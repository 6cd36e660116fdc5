package mail

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"countersign/broker/locale"
	"countersign/broker/registry"
	"countersign/policies"

	"github.com/goccy/go-yaml"
)

const (
	rowID   = "0198f3a2-7c11-7e0a-9b5d-2f8c1d4e6a70"
	request = "0198f3a2-7c11-7e0a-9b5d-aaaaaaaaaaaa"
	secret  = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"
)

// sample is what the registry could put into a row of the kind.
func sample(k string) data {
	all := data{"name": "Ana Whitefeather", "who": "Ben Osei", "site": "Cedar Hill", "signer": "Dr Chan", "ref": "CS-7Q4M-2XKP",
		"request": request, "secret": secret, "program": "careconnect", "role": "practitioner", "user_name": "ana.w",
		"at": "2026-03-01T20:00:00Z", "office": "group-administrator", "until": "2026-03-15T08:00:00Z", "tz": "America/Vancouver", "brake": request, "kind": "drift",
		"count": "412", "begins": "yes", "words": "minutes of 3 March"}
	if kinds[k].home == policies.OperatorProgram {
		all["role"] = "registrar"
	}
	d := data{}
	for _, key := range kinds[k].shows {
		d[key] = all[key]
	}
	return d
}

func row(k string) registry.Mail {
	return registry.Mail{ID: rowID, Address: "ana@clinic.example", Kind: k, Locale: "en", Data: sample(k)}
}

func sender(t *testing.T, host string, port int) *Sender {
	t.Helper()
	programs, err := policies.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Host: host, Port: port, From: "access@countersign.example", FromName: "Countersign",
		PublicURL: &url.URL{Scheme: "https", Host: "portal.example:8443", Path: "/enrol/"},
		Texts:     func(_ context.Context, program string) (Texts, error) { return programs[program].Text, nil }}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	return New(c)
}

// Every kind, rendered with its keys, says the same as text and as HTML, holds no
// gap, fetches nothing, and links to the portal's public address alone; a secret
// is in a link or nowhere.
//
// proves: attack A59 attack A63
func TestEveryKind(t *testing.T) {
	t.Parallel()
	s := sender(t, "localhost", 25)
	for i, k := range slices.Sorted(maps.Keys(kinds)) {
		m := row(k)
		m.Locale = []string{"en", "es", "es,en"}[i%3]
		l, err := s.letters(t.Context(), m)
		if err != nil {
			t.Errorf("%s: %v", k, err)
			continue
		}
		plain, rich, err := l.set()
		if err != nil {
			t.Errorf("%s: %v", k, err)
			continue
		}
		for _, body := range []string{l.subject(), plain, rich} {
			for _, bad := range []string{"<no value>", "mail." + k, "{{", "role.", "<img", "<script", "<link", "url(", "%!"} {
				if strings.Contains(body, bad) {
					t.Errorf("%s says %q:\n%s", k, bad, body)
				}
			}
			for _, link := range links(body) {
				if !strings.HasPrefix(link, "https://portal.example:8443/enrol/") {
					t.Errorf("%s links to %s", k, link)
				}
				body = strings.ReplaceAll(body, link, "")
			}
			if strings.Contains(body, secret) || strings.Contains(body, request) {
				t.Errorf("%s has a secret or an id outside a link", k)
			}
		}
		var blocks []block
		for _, one := range l {
			blocks = append(blocks, one.Blocks...)
		}
		for _, b := range blocks {
			for _, said := range append(b.Steps, b.Text, b.Button, b.URL) {
				if !strings.Contains(plain, said) || !strings.Contains(unescaped(rich), said) {
					t.Errorf("%s: %q is not in both bodies", k, said)
				}
			}
		}
		for _, one := range l {
			if !strings.Contains(rich, `<html lang="`+m.Locale[:2]+`">`) || !strings.Contains(rich, `auto" lang="`+one.Lang+`">`) {
				t.Errorf("%s: HTML without its language", k)
			}
		}
	}
}

// What a row shows is what the list of its kind says: a key more, a key less, an
// empty one or a kind that is not there is refused for good.
func TestUnlistedIsRefused(t *testing.T) {
	t.Parallel()
	s := sender(t, "localhost", 25)
	refused := func(m registry.Mail, what string) {
		t.Helper()
		if _, err := s.Send(t.Context(), m); !isRefused(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused(registry.Mail{ID: rowID, Address: "ana@clinic.example", Kind: "newsletter", Locale: "en"}, "unknown kind")
	for k, spec := range kinds {
		more := row(k)
		more.Data["licence"] = "12345"
		refused(more, k+" with a licence number")
		for _, key := range spec.shows {
			less := row(k)
			delete(less.Data, key)
			refused(less, k+" without "+key)
			empty := row(k)
			empty.Data[key] = ""
			if slices.Contains(spec.blank, key) {
				if _, err := s.compose(t.Context(), empty); err != nil {
					t.Errorf("%s with an empty %s: %v", k, key, err)
				}
				continue
			}
			refused(empty, k+" with an empty "+key)
		}
	}
}

// The words of locale and the list of kinds name the same keys.
func TestWordsAndKindsAgree(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../locale/words/mail.en.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var there map[string]string
	if err := yaml.Unmarshal(source, &there); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"hello", "hello-you", "button-fails", "below", "reference", "no-answer", "feedback"} {
		delete(there, "mail."+key)
	}
	w := locale.For("en")
	for k, spec := range kinds {
		used := []string{"subject"}
		for _, p := range spec.parts {
			if p.form != ofProgram {
				used = append(used, p.key)
			}
		}
		for _, key := range used {
			full := "mail." + k + "." + key
			if !w.Has(full) {
				t.Errorf("%s has no words", full)
			}
			delete(there, full)
		}
	}
	for key := range there {
		t.Errorf("%s is said nowhere", key)
	}
}

// The registry's rows carry what the kinds list: each Mail that its source makes
// is compared with them, and each kind that it names exists.
func TestRegistryAndKindsAgree(t *testing.T) {
	t.Parallel()
	named := map[string]bool{"request-returned": true, "request-refused": true} // "request-"+verdict
	shared := map[string][]string{"tellAll": aboutRequest, "tellReasons": aboutVerdict, "tellGrant": aboutGrant}
	for _, file := range sourcesOf(t, "../registry") {
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if sel, ok := n.Fun.(*ast.SelectorExpr); ok && shared[sel.Sel.Name] != nil {
						for _, arg := range n.Args {
							if k, ok := literal(arg); ok && k != "" {
								named[k] = true
							}
						}
					}
				case *ast.AssignStmt:
					if id, ok := n.Lhs[0].(*ast.Ident); ok && id.Name == "kind" && fn.Name.Name == "tell" {
						if k, ok := literal(n.Rhs[0]); ok {
							named[k] = true
						}
					}
				case *ast.CompositeLit:
					if id, ok := n.Type.(*ast.Ident); !ok || id.Name != "Mail" || len(n.Elts) == 0 {
						return true
					}
					k, keys := rowOf(n)
					want := shared[fn.Name.Name]
					if k != "" {
						named[k], want = true, kinds[k].shows
					}
					if !slices.Equal(slices.Sorted(slices.Values(want)), keys) {
						t.Errorf("%s: a row %q carries %v, the list says %v", fn.Name.Name, k, keys, want)
					}
				}
				return true
			})
		}
	}
	for k := range named {
		if _, ok := kinds[k]; !ok {
			t.Errorf("the registry names a kind %q that is not listed", k)
		}
	}
	for k := range kinds {
		if !named[k] {
			t.Errorf("no row is ever of kind %q", k)
		}
	}
}

func sourcesOf(t *testing.T, folder string) (out []*ast.File) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		out = append(out, file)
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("%d files: %v", len(out), err)
	}
	return out
}

// rowOf reads a literal Mail: its kind, where it is a literal, and its data's keys.
func rowOf(row *ast.CompositeLit) (kind string, keys []string) {
	for _, e := range row.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		switch field := kv.Key.(*ast.Ident).Name; field {
		case "Kind":
			kind, _ = literal(kv.Value)
		case "Data":
			for _, d := range kv.Value.(*ast.CompositeLit).Elts {
				key, _ := literal(d.(*ast.KeyValueExpr).Key)
				keys = append(keys, key)
			}
		}
	}
	return kind, slices.Sorted(slices.Values(keys))
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}
