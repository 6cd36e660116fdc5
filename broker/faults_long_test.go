//go:build faults

package broker_test

import (
	"flag"
	"testing"
)

var (
	faultRounds = flag.Int("faults.rounds", 5, "ends and grants under each fault, and rounds of kills")
	faultEvery  = flag.Int("faults.every", 1, "kill at one in so many of the points")
	faultEdits  = flag.Int("faults.edits", 1000, "made directly in Keycloak")
)

// TestManyFaults is TestFaults many times over, at every point: make faults shows its table.
func TestManyFaults(t *testing.T) {
	faults(t, times{rounds: *faultRounds, every: *faultEvery, edits: *faultEdits})
}
