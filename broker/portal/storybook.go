package portal

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"countersign/broker/locale"
	"countersign/broker/registry"
)

//go:embed storybook.html
var storybookPage string

var storybookIndex = template.Must(template.New("storybook").Parse(storybookPage))

// Storybook serves every page in every state with canned data, in the frame,
// style and content policy that people get: the index at "/", a story at
// "/<language>/<name>". There is nothing behind its forms but a challenge
// that is solved at once. The index is a tool
// of those who build the product and speaks English only.
func Storybook() (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("GET "+assetsPath+"/", serveAssets())
	mux.HandleFunc("GET /sign-up/challenge", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		sum := sha256.Sum256([]byte("story&1"))
		_ = json.NewEncoder(w).Encode(registry.Challenge{Algorithm: "SHA-256", Challenge: hex.EncodeToString(sum[:]), MaxNumber: 1, Salt: "story&"}) // a client that went away needs no answer
	})
	table := map[string]map[string]string{} // page, state, address below the language
	for _, lang := range locale.Languages() {
		all, err := stories(lang)
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			mux.HandleFunc("GET /"+lang+"/"+s.name, func(w http.ResponseWriter, _ *http.Request) {
				if err := write(w, http.StatusOK, s.page); err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
				}
			})
			page := s.page.view()
			if table[page] == nil {
				table[page] = map[string]string{}
			}
			state := strings.TrimPrefix(strings.TrimPrefix(s.name, page), "-")
			table[page][state] = s.name
		}
	}
	var index bytes.Buffer
	err := storybookIndex.Execute(&index, map[string]any{"Assets": assetsPath, "Pages": table, "Languages": locale.Languages()})
	if err != nil {
		return nil, fmt.Errorf("storybook: %w", err)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(index.Bytes()) // a client that went away needs no answer
	})
	return guard(contentPolicy(&url.URL{Scheme: "https", Host: "keycloak.example"}), false,
		func(error) http.Handler { return http.NotFoundHandler() })(mux), nil
}

// WriteStorybook keeps the storybook as files that a browser opens from disk.
func WriteStorybook(dir string) error {
	book, err := Storybook()
	if err != nil {
		return err
	}
	for _, lang := range locale.Languages() {
		all, err := stories(lang)
		if err != nil {
			return err
		}
		for _, s := range all {
			w := httptest.NewRecorder()
			book.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/"+lang+"/"+s.name, nil))
			page := bytes.ReplaceAll(w.Body.Bytes(), []byte(assetsPath), []byte("../static"))
			if err := writeFile(filepath.Join(dir, lang, s.name+".html"), page); err != nil {
				return err
			}
		}
	}
	w := httptest.NewRecorder()
	book.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	index := strings.NewReplacer(assetsPath, "static", `href="/`, `href="`, `" data-file`, `.html" data-file`).Replace(w.Body.String())
	if err := writeFile(filepath.Join(dir, "index.html"), []byte(index)); err != nil {
		return err
	}
	return fs.WalkDir(staticFiles, "static", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := staticFiles.ReadFile(path)
		if err != nil {
			return err
		}
		return writeFile(filepath.Join(dir, path), data)
	})
}

func writeFile(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644) //nolint:gosec // a storybook is for whoever looks
}

// defaults are the names of the stories that show each page as most people meet
// it: the first one told of each.
func defaults(all []story) []string {
	var seen, out []string
	for _, s := range all {
		if page := s.page.view(); !slices.Contains(seen, page) {
			seen, out = append(seen, page), append(out, s.name)
		}
	}
	return out
}
