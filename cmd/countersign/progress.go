package main

import (
	"os"

	"github.com/schollz/progressbar/v3"
)

// progress shows on a terminal how far something with so many steps is: step after each,
// done at the end, however it ended. Elsewhere it shows nothing.
func progress(what string, steps int) (step, done func()) {
	info, err := os.Stderr.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func() {}, func() {}
	}
	bar := progressbar.NewOptions(steps, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(os.Getenv("TERM") != "dumb"))
	return func() { _ = bar.Add(1) }, func() { _ = bar.Clear() } // a bar that cannot be drawn stops nothing
}
