// Command countersign is the product and the tools of those who run it: one file
// for each command, and in this one what they share.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"countersign/policies"

	"github.com/alecthomas/kong"
	"github.com/lmittmann/tint"
)

// commands are all of them; kong makes flags, environment and help of it.
type commands struct {
	Serve   serveCmd   `cmd:"" help:"Run the portal and the worker."`
	Demo    demoCmd    `cmd:"" help:"Run everything on this machine: the product with its own Keycloak, PostgreSQL, mail catcher and sample application."`
	Config  configCmd  `cmd:"" help:"Say which settings are in force and where each is from, without secrets; exit 1 and all faults where serve would refuse them."`
	Doctor  doctorCmd  `cmd:"" help:"Look at everything that the product stands on, line by line, and say what to do; exit 1 where there is a fault."`
	Health  healthCmd  `cmd:"" help:"Ask the product that runs beside this whether it is ready; exit 1 where it is not."`
	Migrate migrateCmd `cmd:"" help:"Bring the database to this version, as its owner."`
	Keys    keysCmd    `cmd:"" help:"Make the keys for signing, sealing and pepper."`
	Realm   realmCmd   `cmd:"" help:"The realm as code."`
	App     appCmd     `cmd:"" help:"Relying applications."`
	Program programCmd `cmd:"" help:"The programs in force."`
	Access  accessCmd  `cmd:"" help:"Who operates the product."`
	Import  importCmd  `cmd:"" help:"Bring in many people from a file, by a registrar's recorded decision: accounts, and requests that are approved in advance."`
	Brake   brakeCmd   `cmd:"" help:"What waits for two people before it is done to the realm, or to what many hold."`
	Mail    mailCmd    `cmd:"" help:"Mails that came back."`
	Audit   auditCmd   `cmd:"" help:"Check the record."`
	Clock   clockCmd   `cmd:"" help:"Move the record's clock forward: demos and tests only."`
	Local   localCmd   `cmd:"" help:"Run a command, such as go test, with servers for tests beside it."`
	Version versionCmd `cmd:"" help:"Say which version this is."`

	Reconcile reconcileCmd `cmd:"" help:"Make the realm hold what the record says, of one person, one site or all, and print the plan that is applied; exit 1 where it does not."`
	Storybook storybookCmd `cmd:"" help:"Show every page of the portal in every state, with canned data."`
}

func main() {
	var c commands
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	read := &settings{from: map[string]string{}}
	k := kong.Parse(&c, kong.Name("countersign"), kong.UsageOnError(), kong.Resolvers(read), kong.Bind(read),
		kong.Description("Decides who may hold which access in a Keycloak realm, on whose word and for how long; keeps the proof; keeps the realm exactly so."),
		kong.Vars{"factor_reasons": strings.Join(policies.FactorReasons, ",")},
		kong.BindTo(ctx, (*context.Context)(nil)))
	if found := read.selected(k); len(found) > 0 && k.Command() != "config" && k.Command() != "doctor" {
		fmt.Fprintln(os.Stderr, "countersign:", found)
		os.Exit(1)
	}
	if err := k.Run(newLog()); err != nil {
		fmt.Fprintln(os.Stderr, "countersign:", err)
		os.Exit(1)
	}
}

// newLog writes for people on a terminal and JSON elsewhere.
func newLog() *slog.Logger {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		return slog.New(tint.NewTextHandler(os.Stderr, &tint.Options{NoColor: os.Getenv("NO_COLOR") != ""}))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, nil))
}

type versionCmd struct{}

// Run implements the command.
func (versionCmd) Run() error {
	fmt.Println(version())
	return nil
}

// built is the version, where whoever built this binary said it: an image is built
// without the repository.
var built string

// version is what was said, or the commit that this binary was built from.
func version() string {
	if built != "" {
		return built
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := "unknown"
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 8:
			v = s.Value[:8]
		case s.Key == "vcs.modified" && s.Value == "true":
			v += "+"
		}
	}
	return v
}
