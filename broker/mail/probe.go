package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"time"
)

// Probe goes through the conversation with the mail server as far as one can
// without sending anything: connecting, TLS as configured, signing in where there
// is a user. Certificate is the end of the server's certificate, zero without TLS.
func (c Config) Probe(ctx context.Context) (certificate time.Time, err error) {
	client, err := c.client()
	if err != nil {
		return time.Time{}, err
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return time.Time{}, errors.New(brief(err.Error()))
	}
	defer func() { _ = client.CloseWithSMTPClient(conn) }() // nothing was begun
	if c.TLS == NoTLS || c.TLS == "" {
		return time.Time{}, nil
	}
	var state *tls.ConnectionState
	if state, err = conn.GetTLSConnectionState(); err != nil {
		return time.Time{}, err
	}
	if len(state.PeerCertificates) > 0 {
		certificate = state.PeerCertificates[0].NotAfter
	}
	return certificate, nil
}
