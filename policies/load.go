package policies

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"unicode/utf8"
)

//go:embed programs
var builtin embed.FS

// Builtin gives the programs that come with the product.
func Builtin() (Programs, error) {
	folders, err := builtin.ReadDir("programs")
	if err != nil {
		return nil, fmt.Errorf("built-in programs: %w", err)
	}
	out := Programs{}
	for _, f := range folders {
		sub, err := fs.Sub(builtin, "programs/"+f.Name())
		if err != nil {
			return nil, fmt.Errorf("built-in program %s: %w", f.Name(), err)
		}
		p, err := Load(sub)
		if err != nil {
			return nil, fmt.Errorf("built-in program %s: %w", f.Name(), err)
		}
		out[p.ID] = p
	}
	return out, nil
}

// Load reads a program's folder: program.yaml, en.yaml, other languages, and
// agreements/<name>.v<n>.<lang>.md. It is strict, and its error joins every
// Fault that it found.
func Load(fsys fs.FS) (*Program, error) {
	files := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, path)
		files[path] = string(b)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the program's folder: %w", err)
	}
	return load(files)
}

// FromSource loads a program from Program.Source, as program_version stores it.
func FromSource(source []byte) (*Program, error) {
	var files map[string]string
	if err := json.Unmarshal(source, &files); err != nil {
		return nil, fmt.Errorf("program source: %w", err)
	}
	return load(files)
}

func load(files map[string]string) (*Program, error) {
	var faults []error
	for _, path := range sortedKeys(files) {
		if !utf8.ValidString(files[path]) { // JSON would change it on the way to the database
			faults = append(faults, Fault{File: path, Msg: "is not UTF-8"})
		}
	}
	p, formOf := readProgram(reader{file: "program.yaml", faults: &faults}, files["program.yaml"])
	if p.ID != "" { // of a program that cannot be read, no word is known
		readTexts(p, formOf, files, &faults)
		checkFiles(p, files, &faults)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	// encoding/json sorts a map's keys: the same files give the same bytes.
	source, err := json.Marshal(files)
	if err != nil {
		return nil, fmt.Errorf("program source: %w", err)
	}
	sum := sha256.Sum256(source)
	p.Source, p.Digest = source, hex.EncodeToString(sum[:])
	return p, nil
}

// checkFiles refuses files that nothing refers to: a misspelt name would
// otherwise be a text that nobody ever sees.
func checkFiles(p *Program, files map[string]string, faults *[]error) {
	known := []string{"program.yaml"}
	for _, lang := range languages {
		words := lang + ".yaml"
		known = append(known, words)
		for _, name := range sortedKeys(p.Agreements) {
			for _, v := range p.Agreements[name].Versions {
				file := agreementFile(name, v.Number, lang)
				known = append(known, file)
				if has(files, file) && !has(files, words) { // else it would be left out, and nobody told
					*faults = append(*faults, Fault{File: file, Msg: "is in a language that has no words: " + words + " is missing"})
				}
			}
		}
	}
	for _, path := range sortedKeys(files) {
		if !slices.Contains(known, path) {
			*faults = append(*faults, Fault{File: path, Msg: unknown("file", path, known)})
		}
	}
}

func has(files map[string]string, path string) bool {
	_, ok := files[path]
	return ok
}
