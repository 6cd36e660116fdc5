// Command requirements says of each requirement which tests name it. `make requirements` runs it from
// the top of the repository.
//
// A test names what it proves after "proves:", in its doc comment or in a comment within it. A
// requirement is met when a test names it, met otherwise where requirements.txt says how and why
// besides, and else not met; then the exit status is 1. That the tests pass is `make test`'s business.
package main

import (
	_ "embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed requirements.txt
var list string

// requirement is one line of the list; decision is empty unless it is met otherwise, later unless its
// turn has not come.
type requirement struct{ id, asks, decision, later string }

var (
	idPattern = regexp.MustCompile(`\b[A-EX][0-9]{1,2}\b`)
	// attackPattern finds the abuse cases that tests name: they are numbered like system A's requirements.
	attackPattern = regexp.MustCompile(`\battack A[0-9]{2}\b`)
)

func main() {
	requirements, rest := readList(list)
	tests, err := namedIn(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if !report(requirements, rest, tests) {
		os.Exit(1)
	}
}

// readList returns the requirements in the list's order, and the closing lines of the rest.
func readList(text string) (requirements []requirement, rest []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		first, more, _ := strings.Cut(line, " ")
		switch first {
		case "", "#":
		case "rest":
			system, count, _ := strings.Cut(more, " ")
			rest = append(rest, fmt.Sprintf("%s 0 of %s met, 0 otherwise, %s not met", system, count, count))
		case "otherwise", "later":
			id, why, _ := strings.Cut(more, ": ")
			at := slices.IndexFunc(requirements, func(r requirement) bool { return r.id == id })
			if first == "later" { // one that is not listed above ends the program, rightly
				requirements[at].later = why
			} else {
				requirements[at].decision = why
			}
		default:
			requirements = append(requirements, requirement{id: first, asks: more})
		}
	}
	return requirements, rest
}

// namedIn returns the tests below root that name each ID, as package folder and function.
func namedIn(root string) (map[string][]string, error) {
	tests := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, isFunc := decl.(*ast.FuncDecl); isFunc && strings.HasPrefix(f.Name.Name, "Test") {
				for _, id := range proves(file, f) {
					tests[id] = append(tests[id], filepath.Dir(path)+"."+f.Name.Name)
				}
			}
		}
		return nil
	})
	return tests, err
}

// proves returns the IDs that a test names, each once.
func proves(file *ast.File, f *ast.FuncDecl) []string {
	named := map[string]bool{}
	for _, comment := range file.Comments {
		if comment != f.Doc && (comment.Pos() < f.Pos() || f.End() < comment.End()) {
			continue
		}
		for line := range strings.Lines(comment.Text()) {
			_, ids, _ := strings.Cut(line, "proves:")
			for _, id := range idPattern.FindAllString(attackPattern.ReplaceAllString(ids, ""), -1) {
				named[id] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(named))
}

// report prints every requirement with its state, and one closing line a system. It tells whether
// all are met, in one way or the other, but those whose turn has not come.
func report(requirements []requirement, rest []string, tests map[string][]string) bool {
	type count struct{ met, otherwise, not int }
	counts, all := map[string]*count{}, true
	for _, r := range requirements {
		system := r.id[:1]
		if counts[system] == nil {
			counts[system] = &count{}
		}
		switch named := strings.Join(tests[r.id], ", "); {
		case r.decision != "" && named != "":
			counts[system].otherwise++
			fmt.Printf("%-4s met otherwise  %s: %s  %s\n", r.id, r.asks, r.decision, named)
		case named != "":
			counts[system].met++
			fmt.Printf("%-4s met            %s  %s\n", r.id, r.asks, named)
		case r.later != "":
			counts[system].not++
			fmt.Printf("%-4s not met        %s: %s\n", r.id, r.asks, r.later)
		default:
			counts[system].not++
			all = false
			fmt.Printf("%-4s not met        %s\n", r.id, r.asks)
		}
	}
	fmt.Println()
	lines := rest
	for system, c := range counts {
		lines = append(lines, fmt.Sprintf("%s %d of %d met, %d otherwise, %d not met", system, c.met, c.met+c.otherwise+c.not, c.otherwise, c.not))
	}
	slices.Sort(lines)
	fmt.Println(strings.Join(lines, "\n"))
	return all
}
