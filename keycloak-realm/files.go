package realm

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
)

// Files are what a Keycloak server needs beside the realm: the theme of its pages and mails, and the
// passwords that nobody may choose. README.md ("Pages and mails") says where they go.
//
//go:embed theme password-blacklists
var Files embed.FS

// folders are Files' own, and where they go below the folder that is written.
var folders = map[string]string{"theme": "themes", "password-blacklists": "password-blacklists"}

// buildMark stands in theme.properties for the digest of Files. Browsers keep a style sheet for 30
// days; its address carries the digest, so that another build's is fetched.
var buildMark = []byte("{{build}}")

// WriteFiles writes Files below dir, as themes/ and password-blacklists/, in place of what an earlier
// build wrote there; what is not ours stays. A server reads themes when it starts.
func WriteFiles(dir string) error {
	build, err := digest()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(dir, "themes", "countersign")); err != nil {
		return err
	}
	for from, to := range folders {
		err := fs.WalkDir(Files, from, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			target := filepath.Join(dir, to, filepath.FromSlash(path[len(from):]))
			if d.IsDir() {
				return os.MkdirAll(target, 0o755)
			}
			content, err := Files.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(target, bytes.ReplaceAll(content, buildMark, []byte(build)), 0o644)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// digest names the content of Files.
func digest() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := Files.ReadFile(path)
		sum.Write(content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:6]), err
}
