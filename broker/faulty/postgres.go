package faulty

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strings"
	"time"
)

// Postgres stands before a PostgreSQL. It reads along what the product says, which has to be in
// plain text (sslmode=disable), to know the commits: a transaction that wrote something is a Call
// when its COMMIT arrives.
type Postgres struct {
	*Gate
	rules
	target string
}

// NewPostgres begins to stand before the server of a database URL, and gives that URL as it is
// through the proxy.
func NewPostgres(database string) (p *Postgres, through string, err error) {
	u, err := url.Parse(database)
	if err != nil {
		return nil, "", err
	}
	p = &Postgres{target: u.Host}
	if p.Gate, err = newGate(&p.faults); err != nil {
		return nil, "", err
	}
	u.Host = p.Address
	go p.serve()
	return p, u.String(), nil
}

// Close ends the proxy.
func (p *Postgres) Close() { _ = p.Gate.Close() }

func (p *Postgres) serve() {
	for {
		c, err := p.Accept()
		if err != nil {
			return
		}
		go p.relay(c.(*passing))
	}
}

// session is one connection.
type session struct {
	proxy          *Postgres
	client, server *net.TCPConn
	answered       chan Fault // of the COMMIT that is under way
	writes         string     // the transaction's first write
	prepared       map[string]string
}

func (p *Postgres) relay(c *passing) {
	defer c.Close()
	up, err := net.Dial("tcp", p.target)
	if err != nil {
		abort(c.TCPConn)
		return
	}
	s := &session{proxy: p, client: c.TCPConn, server: up.(*net.TCPConn), answered: make(chan Fault, 1), prepared: map[string]string{}}
	defer s.server.Close()
	back := make(chan struct{})
	go func() {
		defer close(back)
		s.down()
		_ = s.client.CloseRead() // the other direction ends too
	}()
	s.up()
	_ = s.server.CloseWrite() // what the server has left to say arrives
	<-back
}

// up passes on what the product says, message by message.
func (s *session) up() {
	in := bufio.NewReader(s.client)
	if first, err := message(in, false); err != nil || !s.send(s.server, first) {
		return
	}
	for {
		m, err := message(in, true)
		if err != nil {
			return
		}
		if sql := s.statement(m); sql != "" {
			s.note(sql)
			if strings.EqualFold(sql, "commit") && s.writes != "" {
				f := s.proxy.meets(Call{What: "commit " + s.writes})
				s.writes = ""
				if f.Before != nil {
					f.Before()
				}
				time.Sleep(f.Delay)
				if f.Drop {
					abort(s.client)
					return
				}
				select { // a commit that the server refused has left its own behind
				case <-s.answered:
				default:
				}
				s.answered <- f
			}
		}
		if !s.send(s.server, m) {
			return
		}
	}
}

// down passes on what the server says.
func (s *session) down() {
	in := bufio.NewReader(s.server)
	for {
		m, err := message(in, true)
		if err != nil {
			return
		}
		if m[0] == 'C' && bytes.HasPrefix(m[5:], []byte("COMMIT")) {
			select {
			case f := <-s.answered:
				if f.After != nil {
					f.After()
				}
				if f.Lose {
					abort(s.client)
					return
				}
			default: // of a transaction that wrote nothing
			}
		}
		if !s.send(s.client, m) {
			return
		}
	}
}

func (s *session) send(to net.Conn, m []byte) bool {
	if !s.proxy.wait(nil) {
		return false
	}
	_, err := to.Write(m)
	return err == nil
}

// note remembers by its first write what a transaction is about.
func (s *session) note(sql string) {
	words := strings.Fields(strings.ToLower(sql))
	switch words[0] {
	case "begin", "rollback":
		s.writes = ""
	case "insert", "update", "delete":
		if s.writes == "" {
			s.writes = shape(words)
		}
	}
}

// shape is enough of a statement to tell it from others: "update account set lease",
// "insert into step", "delete from reverify".
func shape(words []string) string {
	n := min(len(words), 3)
	if words[0] == "update" {
		n = min(len(words), 4)
	}
	return strings.Join(words[:n], " ")
}

// statement is the SQL that a message has run: a Query, the Parse of what has no name, or
// the Bind of what was prepared under one.
func (s *session) statement(m []byte) string {
	name, rest, _ := bytes.Cut(m[5:], []byte{0})
	sql, _, _ := bytes.Cut(rest, []byte{0})
	switch m[0] {
	case 'Q':
		return strings.TrimSpace(strings.TrimRight(string(m[5:]), "\x00; "))
	case 'P':
		if len(name) == 0 {
			return strings.TrimSpace(string(sql))
		}
		s.prepared[string(name)] = strings.TrimSpace(string(sql))
	case 'B':
		return s.prepared[string(sql)] // the name follows that of the portal
	}
	return ""
}

// message reads one of the protocol's messages: the first has no letter before its length.
func message(in *bufio.Reader, letter bool) ([]byte, error) {
	head := make([]byte, 4, 5)
	if letter {
		head = head[:5]
	}
	if _, err := io.ReadFull(in, head); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[len(head)-4:])
	m := append(head, make([]byte, max(4, length)-4)...)
	_, err := io.ReadFull(in, m[len(head):])
	return m, err
}
