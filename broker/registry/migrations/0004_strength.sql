-- +goose Up
-- What a sign-in was begun for, besides coming in: what its answer has to show,
-- and a page of Keycloak's on which a person changes how they sign in.
alter table sign_in add column strength text not null default '';
alter table sign_in add column action text not null default '';

-- Second factors that somebody asked to be taken away from an account: the worker
-- does it in the realm and says here when. Why is in the act's event, sealed.
create table factor_reset (
  id         uuid primary key,
  account_id uuid not null references account,
  by_account uuid not null references account,
  act_id     uuid not null,
  asked_at   timestamptz not null,
  done_at    timestamptz,
  version    bigint not null default 1,
  changed_at timestamptz not null
);
create index factor_reset_account on factor_reset (account_id, asked_at);
create unique index factor_reset_open on factor_reset (account_id) where done_at is null;
grant select, insert, update on factor_reset to countersign_app;

-- +goose Down
select 1;
