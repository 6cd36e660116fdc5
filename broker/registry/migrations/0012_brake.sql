-- What the brake holds, or held: the plan as people see it, in ids, codes and paths,
-- with its digest; who released it, two of them; or that its cause went away.
-- +goose Up
create table brake (
  id         uuid primary key,
  kind       text not null check (kind in ('drift','lapse','implausible','older-record')),
  about      text not null default '',   -- of a lapse: the program
  reason     text not null default '',   -- why it is held, as a code
  state      text not null check (state in ('held','released','settled')),
  plan       jsonb not null,             -- the effects, in order
  digest     text not null,
  total      int not null,               -- of how many
  counts     jsonb not null default '{}',
  source     bytea,                      -- of a lapse: the version that is to come into force
  held_at    timestamptz not null,
  first_by   uuid references account,
  first_at   timestamptz,
  second_by  uuid references account,
  second_at  timestamptz,
  settled_at timestamptz,
  version    bigint not null default 1,
  changed_at timestamptz not null,
  check ((first_by is null) = (first_at is null)),
  check ((second_by is null) = (second_at is null)),
  check ((state = 'released') = (second_at is not null)),
  check ((state = 'settled') = (settled_at is not null)),
  check (second_by is null or first_by is not null and first_by <> second_by)
);
create unique index brake_held on brake (kind, about) where state = 'held';

-- The removals that no recorded end explains and that may be carried out: within the
-- brake's limit, for which the last hour's are counted, or by a release.
create table removal (
  id       uuid primary key,
  sub      text not null,
  group_id text not null,
  brake_id uuid references brake,        -- null: within the limit
  at       timestamptz not null,
  done_at  timestamptz
);
create unique index removal_open on removal (sub, group_id) where done_at is null;
create index removal_at on removal (at) where brake_id is null;

grant select, insert, update on brake, removal to countersign_app;

-- +goose Down
select 1;
