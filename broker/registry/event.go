package registry

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// eventPrefix separates these signatures from any other use of the key.
const eventPrefix = "countersign/event/v1\n"

// Body is what an event's signature covers; its JSON bytes are stored as they
// were signed. It holds ids, codes and times: no names, mails, addresses or
// free text. Those are Private: sealed beside it under a salted commitment.
type Body struct {
	Act        string    `json:"act"`
	At         time.Time `json:"at"`
	Actor      string    `json:"actor,omitempty"`
	ForActor   string    `json:"for_actor,omitempty"`
	Entity     string    `json:"entity"`
	ID         string    `json:"id"`
	Version    int64     `json:"version"`
	Kind       string    `json:"kind"`
	Data       any       `json:"data,omitempty"`
	Commitment string    `json:"commitment,omitempty"` // hex HMAC-SHA-256 over the private bytes
}

type pending struct {
	entity, id, kind string
	version          int64
	data, private    any
}

// event notes that a version of an entity came to be; it is written with the act.
func (tx *Tx) event(entity, id string, version int64, kind string, data any) {
	tx.events = append(tx.events, pending{entity: entity, id: id, version: version, kind: kind, data: data})
}

// privateEvent is event with personal data beside it.
func (tx *Tx) privateEvent(entity, id string, version int64, kind string, data, private any) {
	tx.events = append(tx.events, pending{entity: entity, id: id, version: version, kind: kind, data: data, private: private})
}

func (tx *Tx) write(e pending) error {
	body := Body{
		Act: tx.actID, At: tx.At.UTC(), Actor: tx.act.By.Account, ForActor: tx.act.For,
		Entity: e.entity, ID: e.id, Version: e.version, Kind: e.kind, Data: e.data,
	}
	var private, salt, commitment []byte
	if e.private != nil {
		var err error
		if private, err = json.Marshal(e.private); err != nil {
			return err
		}
		salt = make([]byte, 32)
		_, _ = rand.Read(salt) // crypto/rand never fails since Go 1.24
		mac := hmac.New(sha256.New, salt)
		mac.Write(private)
		commitment = mac.Sum(nil)
		body.Commitment = hex.EncodeToString(commitment)
	}
	bytes, err := json.Marshal(body)
	if err != nil {
		return err
	}
	keys := tx.r.keys
	sig := ed25519.Sign(keys.sign[keys.signID], append([]byte(eventPrefix), bytes...))
	var seq int64
	if err := tx.GetContext(tx.ctx, &seq,
		`insert into event (act_id, entity, entity_id, version, kind, body, commitment, key_id, sig)
		 values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning seq`,
		tx.actID, e.entity, e.id, e.version, e.kind, bytes, commitment, keys.signID, sig); err != nil {
		return err
	}
	if private == nil {
		return nil
	}
	_, err = tx.ExecContext(tx.ctx, `insert into event_private (seq, salt, data) values ($1, $2, $3)`,
		seq, salt, keys.Seal(private, "event:"+e.entity+":"+e.id))
	return err
}
