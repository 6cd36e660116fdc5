package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"countersign/broker"
	"countersign/broker/mail"
)

type mailCmd struct {
	Bounce bounceCmd `cmd:"" help:"Take a mail that came back, from standard input: the mail server's pipe for COUNTERSIGN_MAIL_BOUNCES."`
}

type bounceCmd struct {
	broker.Config
	Recipient string `arg:"" optional:"" help:"The address that it came to, where the mail server tells."`
}

// Run implements the command. What is no report of a mail of ours is passed over and
// succeeds, or the mail server would send it back.
func (c bounceCmd) Run(ctx context.Context) error {
	b, err := mail.ReadBounce(os.Stdin, c.Recipient)
	if errors.Is(err, mail.ErrNoBounce) {
		fmt.Println("passed over:", err)
		return nil
	}
	if err != nil {
		return err
	}
	reg, err := broker.Open(ctx, c.Config)
	if err != nil {
		return err
	}
	defer reg.Close()
	if err := reg.MailBounced(ctx, b.Token, b.Status); err != nil {
		return err
	}
	fmt.Println("noted:", b.Status)
	return nil
}
