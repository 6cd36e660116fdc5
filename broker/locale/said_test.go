package locale

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"
)

// said collects what Go and templates say: keys, and beginnings of keys that
// are completed at run time.
func said(t *testing.T) (uses []use, prefixes []string) {
	t.Helper()
	for _, pkg := range speakers {
		files, err := filepath.Glob("../" + pkg + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(filepath.Base(file), "stories") { // a story uses nothing
				continue
			}
			u, p := saidInGo(t, file)
			uses, prefixes = append(uses, u...), append(prefixes, p...)
		}
		pages, err := filepath.Glob("../" + pkg + "/templates/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			uses = append(uses, saidInTemplate(t, page)...)
		}
	}
	return uses, prefixes
}

// keyed are the areas whose keys may stand alone in Go, such as in an error.
var keyed = regexp.MustCompile(`^(error|field-error|import|sites|guide\.title|done)\.[a-z0-9.-]+[a-z0-9]$`)

// doneAt is the argument in which these calls name what the next page says: the
// message "done.<key>".
var doneAt = map[string]int{"done": 1, "press": 2, "ended": 2}

func saidInGo(t *testing.T, file string) (uses []use, prefixes []string) {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	inCall := map[ast.Node]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		where := func(n ast.Node) string { return fset.Position(n.Pos()).String() }
		switch n := n.(type) {
		case *ast.CallExpr:
			fun, ok := n.Fun.(*ast.SelectorExpr)
			if ok && len(n.Args) > 0 && fun.Sel.Name == "stateTag" { // says "<first>.<state>"
				if area, ok := literal(n.Args[0]); ok {
					prefixes = append(prefixes, area+".")
				}
			}
			if ok && doneAt[fun.Sel.Name] > 0 && doneAt[fun.Sel.Name] < len(n.Args) {
				key := n.Args[doneAt[fun.Sel.Name]]
				if whole, ok := literal(key); ok {
					uses = append(uses, use{where: where(n), key: "done." + whole})
				} else if start, ok := literal(leftmost(key)); ok {
					prefixes = append(prefixes, "done."+start)
				}
			}
			if !ok || len(n.Args) == 0 || (fun.Sel.Name != "T" && fun.Sel.Name != "N") {
				return true
			}
			if key, ok := literal(n.Args[0]); ok {
				inCall[n.Args[0]] = true
				rest := n.Args[1:]
				if fun.Sel.Name == "N" && len(rest) > 0 {
					rest = rest[1:]
				}
				u := use{where: where(n), key: key, open: n.Ellipsis.IsValid()}
				for i := 0; i < len(rest); i += 2 {
					name, _ := literal(rest[i])
					u.names = append(u.names, name)
				}
				slices.Sort(u.names)
				uses = append(uses, u)
			}
		case *ast.BinaryExpr:
			if start, ok := literal(leftmost(n)); ok && n.Op == token.ADD && start != "done." && regexp.MustCompile(`^[a-z-]+\.([a-z-]+\.)?$`).MatchString(start) {
				prefixes = append(prefixes, start)
			}
		case *ast.BasicLit:
			if key, ok := literal(n); ok && keyed.MatchString(key) && !inCall[n] {
				uses = append(uses, use{where: where(n), key: key, open: true})
			}
		}
		return true
	})
	return uses, prefixes
}

func leftmost(e ast.Expr) ast.Expr {
	for {
		b, ok := e.(*ast.BinaryExpr)
		if !ok {
			return e
		}
		e = b.X
	}
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

func saidInTemplate(t *testing.T, file string) (uses []use) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	root := parse.New(file)
	root.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := root.Parse(string(data), "", "", trees); err != nil {
		t.Fatal(err)
	}
	for _, tree := range trees {
		walk(tree.Root, func(c *parse.CommandNode) {
			if len(c.Args) < 2 {
				return
			}
			call, ok := c.Args[0].(interface{ String() string })
			if !ok || !regexp.MustCompile(`^\$?[a-zA-Z.]*\.[TN]$`).MatchString(call.String()) {
				return
			}
			key, ok := c.Args[1].(*parse.StringNode)
			if !ok {
				return
			}
			rest := c.Args[2:]
			if strings.HasSuffix(call.String(), ".N") && len(rest) > 0 {
				rest = rest[1:]
			}
			u := use{where: file, key: key.Text}
			for i := 0; i < len(rest); i += 2 {
				if name, ok := rest[i].(*parse.StringNode); ok {
					u.names = append(u.names, name.Text)
				}
			}
			slices.Sort(u.names)
			uses = append(uses, u)
		})
	}
	return uses
}

// walk visits every command of a template.
func walk(n parse.Node, visit func(*parse.CommandNode)) {
	branch := func(p *parse.PipeNode, lists ...*parse.ListNode) {
		walk(p, visit)
		for _, l := range lists {
			if l != nil {
				walk(l, visit)
			}
		}
	}
	switch n := n.(type) {
	case *parse.ListNode:
		for _, one := range n.Nodes {
			walk(one, visit)
		}
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.IfNode:
		branch(n.Pipe, n.List, n.ElseList)
	case *parse.RangeNode:
		branch(n.Pipe, n.List, n.ElseList)
	case *parse.WithNode:
		branch(n.Pipe, n.List, n.ElseList)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			walk(n.Pipe, visit)
		}
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			visit(c)
			for _, a := range c.Args {
				walk(a, visit)
			}
		}
	}
}
