-- +goose Up
-- How the realm followed the record, minute by minute, for the operators' charts. The
-- row 'sampled' says that somebody looked in that minute; what then has no row was 0.
-- Nothing here names anybody.
create table sample (
  at    timestamptz not null, -- the beginning of a minute
  name  text not null,        -- such as waiting.accounts
  value double precision not null,
  primary key (at, name)
);
grant select, insert, update, delete on sample to countersign_app;

-- When the realm, read back, first showed a grant. Until then it is on its way, and
-- people are told so; null also where a binary applied it that does not know of this:
-- such a grant is shown once its account is even.
alter table access_grant add column shown_at timestamptz;
grant update (shown_at) on access_grant to countersign_app;

-- +goose Down
select 1;
