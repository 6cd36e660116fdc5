-- +goose Up
-- Languages that people chose and that the realm has not shown yet: one row while it
-- is behind, gone once it was read back. Apart from the account's revisions, because
-- nobody's access waits for it. Operational: the act and its event are the choice's.
-- Only accounts that we made are ever in here: a realm's own people are not ours to
-- write to.
create table realm_language (
  account_id  uuid primary key references account,
  rev         bigint not null default 1, -- which choice, since the realm was even
  due_at      timestamptz not null default '-infinity',
  tries       int not null default 0,
  lease       uuid,
  lease_until timestamptz,               -- by the machine's clock
  asked_at    timestamptz not null
);
grant select, insert, update, delete on realm_language to countersign_app;
insert into realm_language (account_id, asked_at) select id, instant() from account where locale_chosen and origin = 'sign-up' and state = 'live';

-- +goose Down
select 1;
