-- +goose Up
-- Differences between the realm and the record, and how the realm is watched. An older
-- binary knows nothing of this and goes on: what it does not write stays empty.

-- Every difference that was found: once, for as long as it is open. Versioned: found,
-- perhaps attributed, settled, each with its event. doing, lease and tries are
-- operational. Ids and codes only; a path, which somebody may have typed, is sealed.
create table drift (
  id          uuid primary key,
  kind        text not null,
  account_id  uuid references account,
  site_id     uuid references site,
  leaf        text not null default '',
  group_id    text not null default '', -- the realm's
  sub         text not null default '', -- of whoever it is about, in the realm
  path        bytea,                    -- sealed: of a group that the record does not know
  found_by    text not null check (found_by in ('event','compare','account')),
  change_id   text not null default '', -- the realm's id of the change that made it
  by_client   text not null default '', -- who made it there, as far as the realm says
  by_user     text not null default '',
  alarm       boolean not null default false, -- made with our own credential, and no step of ours explains it
  mode        text not null,
  found_at    timestamptz not null,
  doing       text not null check (doing in ('repair','report','person','held')),
  outcome     text not null default '' check (outcome in ('','removed','restored','gone','settled','made-again','adopted')),
  done_at     timestamptz,
  done_by     uuid references account,
  words       bytea,                    -- sealed: what the person who settled it said
  key         text not null,            -- of what is open there is one
  lease       uuid,
  lease_until timestamptz,
  retry_at    timestamptz not null default '-infinity',
  tries       int not null default 0,
  version     bigint not null default 1,
  changed_at  timestamptz not null,
  check ((done_at is null) = (outcome = ''))
);
create unique index drift_open on drift (key) where done_at is null;
create index drift_account on drift (account_id) where done_at is null;
create index drift_settled on drift (key) where outcome = 'settled';
create index drift_group on drift (group_id) where done_at is null;
create index drift_sub on drift (sub) where sub <> '';
create index drift_found on drift (found_at desc, id desc);
grant select, insert, update on drift to countersign_app;

-- What is done about differences, for the whole realm; version 0 is the state in which
-- a realm of ours begins, without an act.
create table realm_mode (
  one        boolean primary key default true check (one),
  mode       text not null default 'enforce' check (mode in ('observe','adopt','enforce')),
  version    bigint not null default 0,
  changed_at timestamptz not null default '-infinity'
);
insert into realm_mode default values;
grant select, update on realm_mode to countersign_app;

-- How far the realm's own log of changes was read, by whichever replica it was.
create table realm_follow (
  one         boolean primary key default true check (one),
  seen_at     timestamptz,  -- of the last change, by the realm's clock
  polled_at   timestamptz,  -- by the machine's clock, as are leases
  lease       uuid,
  lease_until timestamptz
);
insert into realm_follow default values;
grant select, update on realm_follow to countersign_app;

-- The changes of the last day, so that each is looked at once. One that came from us
-- names the step that it follows from; a step explains one change.
create table realm_change (
  id        text primary key,
  at        timestamptz not null,
  kind      text not null,
  sub       text not null default '',
  group_id  text not null default '',
  path      bytea,
  by_client text not null default '',
  by_user   text not null default '',
  ours      boolean not null,
  state     text not null check (state in ('explained','waiting','foreign','alarm')),
  target    uuid,
  rev       bigint,
  n         int,
  seen_at   timestamptz not null default clock_timestamp()
);
create unique index realm_change_step on realm_change (target, rev, n) where target is not null;
create index realm_change_waiting on realm_change (at) where state = 'waiting';
create index realm_change_seen on realm_change (seen_at);
grant select, insert, update, delete on realm_change to countersign_app;

-- Calls to the realm that belong to no run of an account: a site's groups, a language.
create table realm_call (
  id      uuid primary key,
  kind    text not null,
  target  uuid not null,
  sent_at timestamptz not null default clock_timestamp(),
  done_at timestamptz
);
create index realm_call_sent on realm_call (sent_at);
grant select, insert, update, delete on realm_call to countersign_app;

-- Between which moments of the machine's clock a step's call was under way: the
-- realm's log of changes goes by a clock that nobody moves.
alter table step add column sent_wall timestamptz;
alter table step add column done_wall timestamptz;
-- When what the realm was last made to show was read: whatever was recorded before is
-- there, and what differs from it later follows from no decision.
alter table account add column even_at timestamptz;

-- When a group's id became what it is: who was in a group that was deleted is put into
-- the new one, and nobody took them out.
alter table realm_group add column since timestamptz;

-- The full compare: one at a time, on whichever replica.
create table realm_compare (
  one         boolean primary key default true check (one),
  due_at      timestamptz not null,
  lease       uuid,
  lease_until timestamptz,
  begun_at    timestamptz,
  ended_at    timestamptz,
  outcome     text not null default '', -- '' while it never ended; done, or why it was given up
  people      bigint not null default 0,
  memberships bigint not null default 0,
  calls       bigint not null default 0,
  seconds     double precision not null default 0
);
insert into realm_compare (due_at) select clock_timestamp() + case when exists (select 1 from account) then interval '0' else interval '1 hour' end;
grant select, update on realm_compare to countersign_app;

-- +goose Down
select 1;
