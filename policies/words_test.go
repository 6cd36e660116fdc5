package policies

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// forTests are folders and files that fill in the forms of one program, for
// tests, stories and the demo, and so name its roles and fields.
var forTests = []string{"broker/walk/", "broker/portal/stories", "cmd/countersign/seed.go", "provisioning/conformance/"}

// engineWords are the words that the engine has of its own, which a program's
// role or field may have too: the closed vocabulary of program.yaml, and the
// signer of whom mails speak.
func engineWords() []string {
	out := slices.Concat(fieldKinds, boundNames, capabilities, approvers, needKinds, []string{"signer"})
	for _, name := range boundNames {
		_, part, _ := strings.Cut(name, ".")
		out = append(out, part)
	}
	return out
}

// programWords are the roles and fields of the built-in programs, without those words.
func programWords(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, p := range programs(t) {
		forms := [][]Field{p.Sites.Form}
		for _, r := range p.Roles {
			out, forms = append(out, r.Code), append(forms, r.Form)
		}
		for _, f := range slices.Concat(forms...) {
			out = append(out, f.Name)
		}
	}
	own := engineWords()
	return slices.DeleteFunc(out, func(s string) bool { return slices.Contains(own, s) })
}

// Roles and questions are data: no Go names one of them.
// proves: X8
func TestNoGoNamesARoleOrField(t *testing.T) {
	t.Parallel()
	words := programWords(t)
	if !slices.Contains(words, "pharmacist") || !slices.Contains(words, "legal-name") {
		t.Fatalf("not what is looked for: %v", words)
	}
	err := fs.WalkDir(os.DirFS(".."), ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case path.Ext(file) != ".go", strings.HasSuffix(file, "_test.go"), slices.ContainsFunc(forTests, func(p string) bool { return strings.HasPrefix(file, p) }):
			return nil
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, "../"+file, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil && slices.Contains(words, s) {
					t.Errorf("%s names %q", set.Position(lit.Pos()), s)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
