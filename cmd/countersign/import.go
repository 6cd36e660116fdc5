package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"countersign/broker"
	"countersign/broker/bulk"
	"countersign/broker/locale"
	"countersign/broker/registry"
	"countersign/policies"
)

type importCmd struct {
	broker.Config
	File string `arg:"" optional:"" help:"CSV file with a header, at most 8 MB and 20,000 rows; - is standard input. UTF-8; commas or semicolons; cells in double quotes where they hold one. --columns says which columns."`

	Program    string `help:"The program; may be left out where only one is in force."`
	Site       string `help:"Code of the site of all rows, for a file without that column."`
	ApprovedBy string `placeholder:"USER-NAME" help:"The registrar whose decision it is. It is recorded as theirs, carried out from the command line, and every registrar of the program is told."`
	Reference  string `placeholder:"WORDS" help:"Where the decision is written down, such as \"minutes of 3 March, item 4\"; kept in the record."`
	Licences   bool   `name:"licences-checked" help:"The decision says that the licences in the file were looked up in their registers; without this a registrar records each finding at the desk."`

	DryRun     bool   `help:"Check everything and say what would be done; change nothing."`
	SkipFaulty bool   `help:"Import the rest where some rows cannot be; else nothing is done."`
	Report     string `placeholder:"FILE" help:"Write what became of every row to this CSV file too."`
	JSON       bool   `name:"json" help:"Say it as JSON."`
	Columns    bool   `help:"Print the header and what each column takes, from the program in force, and do nothing else."`
	Language   string `enum:"en,es" default:"en" help:"Language of the messages."`
}

// Run implements the command.
func (c importCmd) Run(ctx context.Context) error {
	reg, err := broker.Open(ctx, c.Config)
	if err != nil {
		return err
	}
	defer reg.Close()
	p, err := c.program(ctx, reg)
	if err != nil {
		return err
	}
	words := locale.For(c.Language)
	if c.Columns {
		return bulk.Columns(os.Stdout, words, p)
	}
	for flag, value := range map[string]string{"a file": c.File, "--approved-by": c.ApprovedBy, "--reference": strings.TrimSpace(c.Reference)} {
		if value == "" {
			return fmt.Errorf("%s is needed: who decided over which people, and where it is written down", flag)
		}
	}
	f, err := c.read(ctx, reg, p, words)
	if err != nil {
		return err
	}
	n := registry.NewBatch{Program: p.ID, Approver: c.ApprovedBy, Reference: c.Reference, Licences: c.Licences}
	if err := f.Look(ctx, reg, n); err != nil {
		return c.refused(err, words)
	}
	faulty := f.Faulty()
	if c.DryRun || faulty > 0 && !c.SkipFaulty {
		if err := c.report(f, ""); err != nil || c.DryRun && faulty == 0 {
			return err
		}
		return fmt.Errorf("%d of %d rows cannot be imported: mend them, or leave them out with --skip-faulty; nothing was changed", faulty, len(f.Rows))
	}
	step, done := progress("importing", len(f.Rows))
	b, err := f.Run(ctx, reg, n, step)
	done()
	if err != nil {
		return c.refused(err, words)
	}
	if err := c.report(f, b.Ref); err != nil {
		return err
	}
	switch counts := f.Counts(); {
	case counts[bulk.NotBegun] > 0:
		return fmt.Errorf("stopped: %d rows are left; the same command goes on with them", counts[bulk.NotBegun])
	case counts[bulk.Failed] > 0:
		return fmt.Errorf("%d rows were not done; the same command tries them again and repeats nothing", counts[bulk.Failed])
	}
	return nil
}

// program is the one that was named, or the only one that there is.
func (c importCmd) program(ctx context.Context, reg *registry.Registry) (*policies.Program, error) {
	ps, err := reg.Programs(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for id := range ps {
		if id != policies.OperatorProgram {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	switch {
	case c.Program == "" && len(ids) == 1:
		return ps[ids[0]], nil
	case !slices.Contains(ids, c.Program):
		return nil, fmt.Errorf("--program must be one of: %s", strings.Join(ids, ", "))
	}
	return ps[c.Program], nil
}

func (c importCmd) read(ctx context.Context, reg *registry.Registry, p *policies.Program, words *locale.Words) (*bulk.File, error) {
	now, err := reg.Now(ctx)
	if err != nil {
		return nil, err
	}
	var from io.Reader = os.Stdin
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	}
	f, err := bulk.Read(from, p, strings.ToLower(c.Site), p.Day(now), words)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.File, err)
	}
	return f, nil
}

// refused says why the decision as a whole cannot be.
func (c importCmd) refused(err error, words *locale.Words) error {
	var e *registry.Error
	switch {
	case !errors.As(err, &e):
		return err
	case registry.IsKind(err, registry.Invalid):
		return fmt.Errorf("nobody with an account here has the user name %s", c.ApprovedBy)
	case slices.Contains(e.Reasons, policies.NotRegistrar):
		return fmt.Errorf("%s is not a registrar of this program: only a registrar's decision approves anybody", c.ApprovedBy)
	}
	return errors.New(words.T(e.Key))
}

// report says what became of the rows, or would.
func (c importCmd) report(f *bulk.File, batch string) error {
	if c.Report != "" {
		out, err := os.OpenFile(c.Report, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) // people's names
		if err != nil {
			return err
		}
		if err := errors.Join(f.CSV(out), out.Close()); err != nil {
			return err
		}
	}
	if c.JSON {
		return f.JSON(os.Stdout, batch, c.DryRun)
	}
	if err := f.Table(os.Stdout); err != nil {
		return err
	}
	var counts []string
	for _, o := range bulk.Outcomes {
		if n := f.Counts()[o]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, o))
		}
	}
	fmt.Printf("\n%d rows: %s\n", len(f.Rows), strings.Join(counts, ", "))
	switch {
	case batch != "":
		fmt.Printf("batch %s; Keycloak is asked to make new people, and they are mailed, two a second at most\n", batch)
	case c.DryRun:
		fmt.Println("nothing was changed")
	}
	return nil
}
