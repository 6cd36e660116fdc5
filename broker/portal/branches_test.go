package portal

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"
	tree "text/template/parse"

	"countersign/broker/locale"
)

// Every branch of every template is shown by some story: what no story shows,
// nobody looked at. The templates are executed with a mark at the beginning of
// each branch, and the marks that never come out are the branches untold.
func TestEveryBranchIsTold(t *testing.T) {
	t.Parallel()
	untold := map[string]bool{}
	pages := marked(t, untold)
	for _, lang := range locale.Languages() {
		for _, s := range told(t, lang) {
			var out bytes.Buffer
			if err := pages[s.page.view()].ExecuteTemplate(&out, "frame.html", s.page); err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			for mark := range untold {
				if strings.Contains(out.String(), mark) {
					delete(untold, mark)
				}
			}
		}
	}
	var left []string
	for mark := range untold {
		left = append(left, strings.Trim(mark, "\x01"))
	}
	slices.Sort(left)
	for _, branch := range left {
		t.Errorf("no story shows %s", branch)
	}
}

// marked parses the templates as plain text, each page with the shared ones,
// and puts a mark into every branch.
func marked(t *testing.T, marks map[string]bool) map[string]*template.Template {
	t.Helper()
	shared := template.Must(template.ParseFS(templateFiles, "templates/frame.html", "templates/parts*.html"))
	names, err := filepath.Glob("templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]*template.Template{}
	for _, name := range names {
		page := strings.TrimSuffix(filepath.Base(name), ".html")
		if _, ok := templates[page]; !ok {
			continue
		}
		all := template.Must(template.Must(shared.Clone()).ParseFiles(name))
		for _, one := range all.Templates() {
			if one.Tree == nil || one.Root == nil {
				continue
			}
			copied := one.Copy() // a clone shares its trees with the others
			file := strings.TrimSuffix(copied.ParseName, ".html")
			markBranches(copied.Root, func(n tree.Node, branch string) *tree.TextNode {
				where, what := copied.ErrorContext(n)
				_, line, _ := strings.Cut(where, ":")
				mark := fmt.Sprintf("\x01%s.html:%s %s %.60s\x01", file, line, branch, what)
				marks[mark] = true
				return &tree.TextNode{NodeType: tree.NodeText, Text: []byte(mark)}
			})
			if _, err := all.AddParseTree(one.Name(), copied); err != nil {
				t.Fatal(err)
			}
		}
		pages[page] = all
	}
	return pages
}

// markBranches puts a mark first into each list of what a template decides:
// the list for yes, and that for no where there is one.
func markBranches(n tree.Node, mark func(tree.Node, string) *tree.TextNode) {
	branch := func(n tree.Node, list, otherwise *tree.ListNode) {
		markBranches(list, mark)
		list.Nodes = slices.Insert(list.Nodes, 0, tree.Node(mark(n, "with")))
		if otherwise != nil {
			markBranches(otherwise, mark)
			otherwise.Nodes = slices.Insert(otherwise.Nodes, 0, tree.Node(mark(n, "without")))
		}
	}
	switch n := n.(type) {
	case *tree.ListNode:
		for _, one := range n.Nodes {
			markBranches(one, mark)
		}
	case *tree.IfNode:
		branch(n, n.List, n.ElseList)
	case *tree.RangeNode:
		branch(n, n.List, n.ElseList)
	case *tree.WithNode:
		branch(n, n.List, n.ElseList)
	}
}
