package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
)

// seedAccount is somebody who is there from the demo's first start on.
type seedAccount struct {
	UserName string `json:"username"`
	Password string `json:"password"`
	Role     string `json:"role"`
	Site     string `json:"site"`
}

// seeded reads who was made at the first start.
func (d demo) seeded() ([]seedAccount, error) {
	text, err := os.ReadFile(filepath.Join(d.data.Dir, seededFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []seedAccount
	return all, json.Unmarshal(text, &all)
}

func (d demo) seed(ctx context.Context) error { return nil }
