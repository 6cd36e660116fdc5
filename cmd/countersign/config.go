package main

import (
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"countersign/broker"
)

type configCmd struct {
	broker.Config
	Markdown bool `help:"Print the table of all settings instead, as the README has it."`
}

// Run implements the command: what is in force, from where, and what is wrong.
func (c configCmd) Run(k *kong.Context, s *settings) error {
	if c.Markdown {
		fmt.Print(table(k.Model))
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, f := range k.Selected().Flags {
		if name := variable(f); name != "" {
			fmt.Fprintf(w, "%s\t%s\t%s\n", name, shown(f.Target), from(s, name))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if found := s.checked(c.ServeFaults()); len(found) > 0 {
		return found
	}
	fmt.Println("\nnothing is wrong with these values; countersign doctor asks the servers")
	return nil
}

func from(s *settings, name string) string {
	if where := s.from[name]; where != "" {
		return where
	}
	return "default"
}

// shown is a value for the eye. Of a secret that is an address, host and path show.
func shown(v reflect.Value) string {
	secret, ok := v.Interface().(broker.Secret)
	if !ok {
		return fmt.Sprint(v.Interface())
	}
	if u, err := url.Parse(string(secret)); err == nil && u.Scheme != "" && u.Host != "" {
		return u.Scheme + "://" + secret.String() + "@" + u.Host + u.Path
	}
	return secret.String()
}

// table is every setting of every command, section by section, as Markdown.
func table(app *kong.Application) string {
	var b strings.Builder
	b.WriteString("| setting | default | means |\n|---|---|---|\n")
	seen := map[string]bool{}
	section := ""
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		f, ok := node.(*kong.Flag)
		if !ok || variable(f) == "" || seen[variable(f)] {
			return next(nil)
		}
		seen[variable(f)] = true
		group := "Single commands"
		if f.Group != nil {
			group = f.Group.Title
		}
		if group != section {
			fmt.Fprintf(&b, "| **%s** | | |\n", group)
			section = group
		}
		fmt.Fprintf(&b, "| `%s`%s | %s | %s |\n", variable(f), twin(f), fallback(f), f.Help)
		return next(nil)
	})
	return b.String()
}

func twin(f *kong.Flag) string {
	if isSecret(f) {
		return ", `…_FILE`"
	}
	return ""
}

func fallback(f *kong.Flag) string {
	switch {
	case f.Required:
		return "must be given"
	case f.Default == "":
		return ""
	}
	return "`" + f.Default + "`"
}
