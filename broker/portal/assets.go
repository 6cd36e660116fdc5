package portal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
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
// icons by relative paths; so every address is good for ever.
var assetsPath = "/static/" + digestOfAssets()

func digestOfAssets() string {
	sum := sha256.New()
	err := fs.WalkDir(staticFiles, "static", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := staticFiles.ReadFile(path)
		fmt.Fprintf(sum, "%s %x\n", path, sha256.Sum256(data))
		return err
	})
	if err != nil {
		panic(err) // an embedded file that cannot be read is a broken build
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// serveAssets answers below assetsPath. Folders are not listed.
func serveAssets() http.Handler {
	sub, err := fs.Sub(staticFiles, "static")
	if err != nil {
		panic(err)
	}
	files := http.StripPrefix(assetsPath, http.FileServerFS(sub))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		files.ServeHTTP(w, r)
	})
}
