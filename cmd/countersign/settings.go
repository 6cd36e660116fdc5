package main

import (
	"cmp"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"countersign/broker"
)

// settings reads every flag that has a name in the environment, for kong: from
// NAME or, where the value is a secret, from the file that NAME_FILE names. It
// remembers where each value came from, and what is missing or does not read, so
// that all faults are told at once. A variable that is set and empty counts as
// not set.
type settings struct {
	faults broker.Faults
	from   map[string]string // by variable: "flag", "environment", "file …" or "default"
}

// isSecret says whether the value never shows, and may be given as a file.
func isSecret(f *kong.Flag) bool { return f.Target.Type() == reflect.TypeFor[broker.Secret]() }

// variable is a flag's name in the environment, empty for none.
func variable(f *kong.Flag) string {
	if f.Tag == nil || len(f.Tag.Envs) == 0 {
		return ""
	}
	return f.Tag.Envs[0]
}

// Validate implements kong.Resolver.
func (s *settings) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver: it is asked for every flag of the command that
// is not on the command line.
func (s *settings) Resolve(_ *kong.Context, _ *kong.Path, f *kong.Flag) (any, error) {
	name := variable(f)
	if name == "" {
		return nil, nil
	}
	text, from := s.read(f, name)
	s.from[name] = from
	if _, told := os.LookupEnv(name); text == "" && !told && !f.Required {
		return nil, nil // kong knows the default
	}
	if text == "" && f.Required {
		s.miss(f, name)
	}
	text = cmp.Or(text, f.Default)
	if why := unreadable(f, text); why != "" {
		if text != "" {
			s.add(name, "give it otherwise, or leave it out", why)
		}
		s.from[name] = "default"
		if text = f.Default; unreadable(f, text) != "" {
			text = "0" // some value that kong takes: it has been told
		}
	}
	return text, nil
}

// read gives a value's text, empty for none, and where it is from.
func (s *settings) read(f *kong.Flag, name string) (text, from string) {
	text = os.Getenv(name)
	from = "environment"
	if path := os.Getenv(name + "_FILE"); isSecret(f) && path != "" {
		if text != "" {
			s.add(name, "unset one of them", name+" and "+name+"_FILE are both set")
			return text, from
		}
		content, err := os.ReadFile(path)
		if err != nil {
			s.add(name+"_FILE", "name a file that the product may read", err.Error())
			return hiddenFile, from
		}
		if text = strings.TrimRight(string(content), "\r\n"); text == "" && f.Required {
			s.add(name+"_FILE", "put the secret into it", path+" is empty")
			return hiddenFile, from
		}
		return text, "file " + path
	}
	if text == "" {
		return "", "default"
	}
	return text, from
}

// hiddenFile stands for what could not be read, so that it is not missing as well.
const hiddenFile = "unread"

func (s *settings) miss(f *kong.Flag, name string) {
	advice := "set " + name
	if isSecret(f) {
		advice += " or " + name + "_FILE"
	}
	s.add(name, advice+", or give --"+f.Name, "it is missing ("+strings.TrimSuffix(f.Help, ".")+")")
}

func (s *settings) add(setting, advice, what string) {
	s.faults = append(s.faults, broker.Fault{Setting: setting, What: what, Advice: advice})
}

// unreadable says why a text is no value of the flag's type.
func unreadable(f *kong.Flag, text string) string {
	into := reflect.New(f.Target.Type()).Elem()
	err := f.Parse(kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: text}), into)
	if err != nil {
		return err.Error()
	}
	if allowed := f.EnumSlice(); f.Enum != "" && !slices.Contains(allowed, text) {
		return fmt.Sprintf("%q is none of %s", text, strings.Join(allowed, ", "))
	}
	return ""
}

// checked adds what the values that were read are found to be worth. A setting
// that did not read at all is not judged twice.
func (s *settings) checked(found broker.Faults) broker.Faults {
	all := slices.Clone(s.faults)
	for _, f := range found {
		if !slices.ContainsFunc(s.faults, func(known broker.Fault) bool { return strings.TrimSuffix(known.Setting, "_FILE") == f.Setting }) {
			all = append(all, f)
		}
	}
	return all
}

// selected finds what is wrong with what the command that was asked for needs.
func (s *settings) selected(k *kong.Context) broker.Faults {
	for _, p := range k.Path {
		if p.Flag != nil && !p.Resolved {
			s.from[variable(p.Flag)] = "flag"
		}
	}
	if node := k.Selected(); node != nil {
		if c, ok := node.Target.Addr().Interface().(interface{ Faults() broker.Faults }); ok {
			return s.checked(c.Faults())
		}
	}
	return s.faults
}
