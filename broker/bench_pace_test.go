//go:build bench

package broker_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// paces are how many new members a second the product makes: with one replica and two on
// cores that everything shares, and with Keycloak on a core of its own, as it has where it
// is not on the product's machine.
func (b *bench) paces() {
	b.throughput(1, "")
	b.throughput(2, "")
	defer apart(b.t)()
	b.throughput(1, ", Keycloak on a core of its own")
	b.throughput(2, ", Keycloak on a core of its own")
}

// throughput is the pace of so many replicas of four lanes, beside a loop of the same calls
// at the same concurrency. The lanes are kept from the people until all are granted.
func (b *bench) throughput(replicas int, how string) {
	defer b.more(replicas - 1)()
	var product, bare, ratios []float64
	for range benchRounds {
		mine, loop := take(&b.known, benchPace), take(&b.realm, benchPace)
		b.lease(mine, "clock_timestamp() + interval '1 hour'")
		for _, p := range mine {
			b.grants(p)
		}
		time.Sleep(time.Second) // the signatures' own wake is over
		began := time.Now()
		b.lease(mine, "null")
		b.settled()
		took := time.Since(began).Seconds()
		began = time.Now()
		b.parallel(4*replicas, len(loop), func(i int) { b.bare(loop[i]) })
		alone := time.Since(began).Seconds()
		n := float64(benchPace)
		product, bare, ratios = append(product, n/took), append(bare, n/alone), append(ratios, alone/took)
		b.received = append(b.received, mine...)
	}
	b.row(fmt.Sprintf("new members a second, %d lanes%s", 4*replicas, how), fmt.Sprintf("%d x %d", benchRounds, benchPace), spread(product, ""), spread(bare, ""), spread(ratios, ""), "0.9", hit(median(ratios) >= 0.9))
}

// lease has nobody claim people before until.
func (b *bench) lease(people []member, until string) {
	var n int
	b.query(b.t, &n, `with x as (update account set lease_until = `+until+` where id = any(string_to_array($1, ',')::uuid[]) returning id),
		y as (select pg_notify('work', '')) select count(*) from x, y`, accounts(people))
	if n != len(people) {
		b.t.Fatalf("%d of %d accounts", n, len(people))
	}
}

func accounts(people []member) string {
	var ids []string
	for _, p := range people {
		ids = append(ids, p.account)
	}
	return strings.Join(ids, ",")
}

// begin serves again as one product.
func (b *bench) begin() {
	stop, err := b.serve()
	must(b.t, err)
	b.halt = stop
}

// more serves with so many more replicas until the returned function is called.
func (b *bench) more(replicas int) func() {
	var stops []func()
	for range replicas {
		replica := *b.stack
		port, err := freePort()
		must(b.t, err)
		replica.config.Listen, replica.config.OpsListen = fmt.Sprintf("127.0.0.1:%d", port), ""
		stop, err := replica.serve()
		must(b.t, err)
		stops = append(stops, stop)
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// apart gives Keycloak the first core and all else that takes part the second, until the
// returned function is called.
func apart(t *testing.T) (together func()) {
	put := func(keycloak, others string) {
		pids, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range pids {
			line, _ := os.ReadFile(dir + "/cmdline") // who is gone needs no core
			core := others
			switch pid := filepath.Base(dir); {
			case bytes.Contains(line, []byte("QuarkusEntryPoint")):
				core = keycloak
			case pid != strconv.Itoa(os.Getpid()) && !bytes.Contains(line, []byte("postgres")) && !bytes.Contains(line, []byte("countersign")):
				continue
			}
			out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "taskset", "-apc", core, filepath.Base(dir)).CombinedOutput()
			if _, gone := os.Stat(dir); err != nil && gone == nil {
				t.Errorf("%s: %v: %s", strings.ReplaceAll(string(line), "\x00", " "), err, out)
			}
		}
	}
	put("0", "1")
	return func() { put("0-1", "0-1") }
}

// approvals time the way from the commit that met the last need to the membership read
// back, one at a time, beside a script that does the same calls.
func (b *bench) approvals() {
	mine, loop := take(&b.known, benchDecided), take(&b.realm, benchDecided)
	var product, bare []float64
	for i := range benchDecided {
		b.grants(mine[i])
		began := time.Now()
		for b.count(b.t, `account where id = $1 and wanted_rev > applied_rev`, mine[i].account) > 0 {
			time.Sleep(5 * time.Millisecond) // asking without pause would take a core from what is measured
		}
		product = append(product, ms(began))
		began = time.Now()
		b.bare(loop[i])
		bare = append(bare, ms(began))
	}
	b.received = append(b.received, mine...)
	for _, c := range []struct {
		p   float64
		aim float64
	}{{0.50, 1.5}, {0.99, 3}} {
		ratio := quantile(product, c.p) / quantile(bare, c.p)
		b.row(fmt.Sprintf("last need met to membership read back, p%.0f", c.p*100), benchDecided, fmt.Sprintf("%.1f ms", quantile(product, c.p)), fmt.Sprintf("%.1f ms", quantile(bare, c.p)),
			fmt.Sprintf("%.2f", ratio), c.aim, hit(ratio <= c.aim))
	}
}
