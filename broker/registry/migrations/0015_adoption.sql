-- Adoptions: memberships that the realm had before anybody decided on them here, let go
-- on for a while by two people; what they say stands in fact_adopted.
-- +goose Up
create table adoption (
  id         uuid primary key,
  state      text not null check (state in ('open','approved','superseded')), -- open: shown, and perhaps proposed
  plan       jsonb not null,             -- the effects, in order: ids, codes
  people     bytea,                      -- sealed: whom the record does not know, as the realm shows them
  digest     text not null,              -- over the plan and, once proposed, its end
  until_at   timestamptz,
  first_by   uuid references account,
  first_at   timestamptz,
  second_by  uuid references account,
  second_at  timestamptz,
  made_at    timestamptz not null,
  version    bigint not null default 1,
  changed_at timestamptz not null,
  check ((first_by is null) = (first_at is null) and (first_by is null) = (until_at is null)),
  check ((second_by is null) = (second_at is null)),
  check ((state = 'approved') = (second_at is not null)),
  check (second_by is null or first_by is not null and first_by <> second_by)
);
create unique index adoption_open on adoption (state) where state = 'open';
grant select, insert, update on adoption to countersign_app;

create table fact_adopted (like fact_identity_match including all, adoption_id uuid not null references adoption);
create index fact_adopted_account on fact_adopted (account_id);
create trigger fact_ends_once before update or delete on fact_adopted for each row execute function ends_once();
create trigger fact_never_truncate before truncate on fact_adopted for each statement execute function never();
grant select, insert on fact_adopted to countersign_app;
grant update (ended_at, end_act) on fact_adopted to countersign_app;

create or replace view fact as
  select 'join' as kind, id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_join
  union all select 'review', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_review
  union all select 'signature', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_signature
  union all select 'mandate', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_mandate
  union all select 'restriction', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_restriction
  union all select 'standing', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_standing
  union all select 'identity_match', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_identity_match
  union all select 'consent', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_consent
  union all select 'adopted', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_adopted;

-- +goose Down
select 1;
