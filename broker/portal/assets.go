package portal

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// The folder always holds manifest.txt and our own style, so that a build
// succeeds before assets.sh has brought static/uswds.
//
//go:embed static
var staticFiles embed.FS

// CheckAssets tells whether the program was built with the design system's
// files, each as static/manifest.txt names it; if not, what to run.
func CheckAssets() error {
	manifest, err := staticFiles.ReadFile("static/manifest.txt")
	if err != nil {
		return fmt.Errorf("read the manifest of page files: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(manifest))
	for lines.Scan() {
		want, name, _ := strings.Cut(lines.Text(), "  ")
		data, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			return errors.New("the page style is not part of this build: run `sh broker/portal/assets.sh` and build again")
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want {
			return fmt.Errorf("static/%s is not what static/manifest.txt names: run `sh broker/portal/assets.sh` and build again", name)
		}
	}
	return lines.Err()
}

// assetsPath is where the files of this build are served: "/static/<digest>".
// One digest stands for all of them, because the style sheets name fonts and
// icons by relative paths; so every address is good for ever. The templates are
// part of it: they decide what is left of the design system's style sheet.
var assetsPath = "/static/" + digestOfAssets()

func digestOfAssets() string {
	sum := sha256.New()
	eachFile(staticFiles, func(name string, data []byte) { fmt.Fprintf(sum, "%s %x\n", name, sha256.Sum256(data)) })
	eachFile(templateFiles, func(name string, data []byte) { fmt.Fprintf(sum, "%s %x\n", name, sha256.Sum256(data)) })
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

func eachFile(files embed.FS, do func(name string, data []byte)) {
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := files.ReadFile(name)
		do(name, data)
		return err
	})
	if err != nil {
		panic(err) // an embedded file that cannot be read is a broken build
	}
}

// An asset is a file as it is served, and smaller for who takes gzip; what is
// compressed in itself has no smaller one. Pages are not compressed: beside the
// form's token they show what was typed, and the size would tell of the token.
type asset struct{ plain, gzipped []byte }

const systemStyle = "uswds/css/uswds.min.css"

// assets are the files by their path below assetsPath.
var assets = sync.OnceValue(func() map[string]asset {
	all := map[string]asset{}
	eachFile(staticFiles, func(name string, data []byte) { all[strings.TrimPrefix(name, "static/")] = asset{plain: data} })
	if style, ok := all[systemStyle]; ok {
		sources := []string{storybookPage}
		eachFile(templateFiles, func(_ string, data []byte) { sources = append(sources, string(data)) })
		has := func(file string) bool { _, ok := all[path.Join(path.Dir(systemStyle), file)]; return ok }
		all[systemStyle] = asset{plain: []byte(subset(string(style.plain), classNamesIn(sources...), has))}
	}
	for name, a := range all {
		if path.Ext(name) != ".woff2" {
			a.gzipped = gzipped(a.plain)
			all[name] = a
		}
	}
	return all
})

func gzipped(data []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(data)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err) // a bytes.Buffer does not fail
	}
	return out.Bytes()
}

// serveAssets answers below assetsPath. Folders are not listed.
func serveAssets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, assetsPath+"/")
		a, ok := assets()[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h, data := w.Header(), a.plain
		h.Set("Content-Type", cmp.Or(mime.TypeByExtension(path.Ext(name)), "text/plain; charset=utf-8"))
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Vary", "Accept-Encoding")
		if a.gzipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			data = a.gzipped
		}
		h.Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data) // a client that went away needs no answer
	})
}
