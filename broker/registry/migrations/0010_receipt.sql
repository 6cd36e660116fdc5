-- +goose Up
-- What became of each end of access: one receipt per account and revision, opened
-- by the transaction that ended it and filled by whoever carries it out. Operational
-- beside its act and events, which are the record of the end itself. A binary that
-- knows nothing of this ends access all the same; what it carried out is read back
-- once more by one that does.
create table receipt (
  id            uuid primary key,
  account_id    uuid not null references account,
  rev           bigint not null, -- of the account: the realm shows the end once it is applied
  act_id        uuid not null references act deferrable initially deferred,
  at            timestamptz not null, -- the portal denies from here
  sub           text not null default '', -- empty: Keycloak did not have the person yet
  sessions      int not null, -- that the portal had open for them
  tries         int not null default 0, -- of the whole run, where it failed
  answer        text not null default '', -- why it failed last
  logged_out_at timestamptz, -- by the machine's clock, as Keycloak's sessions are
  token_life    int, -- seconds; null: nobody could tell
  confirmed_at  timestamptz, -- every step is done
  unique (account_id, rev)
);
create index receipt_open on receipt (account_id) where confirmed_at is null;
create index receipt_act on receipt (act_id);

create table receipt_grant (
  receipt_id uuid not null references receipt,
  grant_id   uuid not null references access_grant,
  kept       boolean not null, -- what stayed
  primary key (receipt_id, grant_id)
);
create index receipt_grant_grant on receipt_grant (grant_id);

create table receipt_step (
  receipt_id uuid not null references receipt,
  n          int not null,
  kind       text not null check (kind in ('leave','consents','end-sessions','remove','read-back','verify')),
  object     text not null default '', -- of a leaving, the group's id; of a check, how many seconds after
  site_id    uuid references site, -- of a leaving
  leaf       text not null default '',
  due_at     timestamptz, -- of a check, once the rest is read back
  sent_at    timestamptz, -- first
  tried_at   timestamptz, -- last
  tries      int not null default 0,
  answer     text not null default '', -- of the last try that failed
  done_at    timestamptz,
  again      int not null default 0, -- how often a check found it undone, and it was done again
  primary key (receipt_id, n)
);
create index receipt_step_due on receipt_step (due_at) where done_at is null;

-- Signed events on their way to applications: one row is one token (its id the
-- token's jti), and is never taken back before it is confirmed. The token is made
-- when it is first sent, and sent unchanged from then on.
create table push (
  id           uuid primary key,
  receipt_id   uuid not null references receipt,
  client_id    text not null references application,
  body         bytea,
  due_at       timestamptz not null,
  sent_at      timestamptz, -- first
  tried_at     timestamptz, -- last
  tries        int not null default 0,
  answer       text not null default '',
  confirmed_at timestamptz,
  lease        uuid,
  lease_until  timestamptz -- by the machine's clock
);
create index push_due on push (due_at) where confirmed_at is null;
create index push_receipt on push (receipt_id);

-- An application that cannot be reached is tried with one event at a time, and not
-- before: the others of it wait here. No row: nothing is wrong.
create table push_pause (
  client_id text primary key references application,
  since     timestamptz not null,
  tries     int not null default 1,
  until_at  timestamptz not null
);
grant select, insert on receipt, receipt_grant, receipt_step, push, push_pause to countersign_app;
grant update on receipt, receipt_step, push, push_pause to countersign_app;
grant delete on push_pause to countersign_app;

-- +goose Down
select 1;
