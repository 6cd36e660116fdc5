-- +goose Up
-- The record. Mutable rows carry version and changed_at; facts are inserted
-- once and ended once; acts and events are only ever inserted. The role
-- countersign_app is what the product signs in with; it owns nothing.

create table clock (
  one   boolean primary key default true check (one),
  shift interval not null default interval '0'
);
insert into clock default values;

-- +goose StatementBegin
create function instant() returns timestamptz language sql volatile as
$$ select clock_timestamp() + (select shift from clock) $$;
-- +goose StatementEnd

create table account (
  id           uuid primary key,
  issuer       text not null,
  sub          text,
  user_name    text not null,
  given_name   text not null,
  surname      text not null,
  email        text not null,
  email_verified boolean not null default false,
  locale       text not null check (locale in ('en','es')),
  origin       text not null check (origin in ('sign-up','realm')),
  state        text not null check (state in ('asked','live','refused')),
  setup_at     timestamptz,
  next_at      timestamptz,
  wanted_rev   bigint not null default 0,
  applied_rev  bigint not null default 0,
  urgent_rev   bigint not null default 0,
  tries        int not null default 0,
  retry_at     timestamptz not null default '-infinity',
  lease        uuid,
  lease_until  timestamptz,
  version      bigint not null default 1,
  changed_at   timestamptz not null,
  unique (issuer, sub),
  check ((state = 'live') = (sub is not null))
);
create index account_due on account (next_at) where next_at is not null;
create index account_behind on account (retry_at) where wanted_rev > applied_rev;
create index account_email on account (lower(email));

create table site (
  id           uuid primary key,
  program      text not null,
  code         text not null check (code ~ '^[a-z0-9][a-z0-9-]{1,30}$'),
  name         text not null,
  city         text not null default '',
  tz           text not null,
  request_id   uuid,
  requester    uuid references account,
  opened_at    timestamptz,
  closed_at    timestamptz,
  wanted_rev   bigint not null default 0,
  applied_rev  bigint not null default 0,
  tries        int not null default 0,
  retry_at     timestamptz not null default '-infinity',
  lease        uuid,
  lease_until  timestamptz,
  version      bigint not null default 1,
  changed_at   timestamptz not null,
  unique (program, code)
);
create index site_behind on site (retry_at) where wanted_rev > applied_rev;

create table realm_group (
  site_id uuid not null references site,
  leaf    text not null,
  kc_id   text not null unique,
  primary key (site_id, leaf)
);

create table application (
  client_id  text primary key,
  programs   text[] not null,
  logout_url text not null,
  event_url  text not null,
  owner      text not null,
  leaving_at timestamptz, -- its removal has begun: the realm may have it or not
  removed_at timestamptz,
  version    bigint not null default 1,
  changed_at timestamptz not null
);

create table act (
  id         uuid primary key,
  at         timestamptz not null,
  kind       text not null,
  actor      uuid references account,
  actor_kind text not null check (actor_kind in ('person','worker','cli')),
  for_actor  uuid references account,
  refused    boolean not null default false,
  reasons    text[] not null default '{}',
  check ((actor_kind = 'person') = (actor is not null))
);
create index act_actor on act (actor, at);

create table event (
  seq        bigint generated always as identity primary key,
  act_id     uuid not null references act,
  entity     text not null,
  entity_id  text not null,
  version    bigint not null,
  kind       text not null,
  body       bytea not null,
  commitment bytea,
  key_id     text not null,
  sig        bytea not null,
  unique (entity, entity_id, version)
);
create index event_act on event (act_id);
create table event_private (
  seq  bigint primary key references event,
  salt bytea not null,
  data bytea not null
);

create table operation (
  id     uuid primary key,
  actor  uuid,
  kind   text not null,
  digest bytea not null,
  result jsonb,
  at     timestamptz not null default clock_timestamp()
);

create table program_version (
  program       text not null,
  n             int not null,
  digest        text not null,
  source        bytea not null,
  in_force_from timestamptz not null,
  act_id        uuid not null references act deferrable initially deferred,
  primary key (program, n)
);

create table request (
  id           uuid primary key,
  ref          text not null unique,
  program      text not null,
  program_n    int not null,
  digest       text not null,
  kind         text not null check (kind in ('site','join','mandate')),
  account_id   uuid not null references account,
  by_account   uuid not null references account,
  site_id      uuid references site,
  role         text,
  profession   text not null default '',
  authorizers  uuid[] not null default '{}',
  answers      bytea not null,
  state        text not null check (state in ('draft','submitted','returned','granted','refused','withdrawn')),
  created_at   timestamptz not null,
  submitted_at timestamptz,
  decided_at   timestamptz,
  version      bigint not null default 1,
  changed_at   timestamptz not null,
  check (kind = 'site' or site_id is not null),
  check ((state = 'draft') = (submitted_at is null) or state = 'withdrawn'),
  check ((state in ('granted','refused','withdrawn')) = (decided_at is not null))
);
alter table site add foreign key (request_id) references request deferrable initially deferred;
create unique index request_open on request (account_id, site_id, role, kind)
  where state in ('submitted','returned') and kind <> 'mandate';
create index request_account on request (account_id);
create index request_site on request (site_id) where state in ('submitted','returned');

-- Facts: one shape, seven tables, one view.
create table fact_shape (
  id          uuid primary key,
  request_id  uuid,
  account_id  uuid,
  site_id     uuid,
  role        text,
  from_at     timestamptz not null,
  until_at    timestamptz not null default 'infinity',
  recorded_at timestamptz not null,
  act_id      uuid not null,
  ended_at    timestamptz,
  end_act     uuid,
  check (until_at >= from_at),
  check ((ended_at is null) = (end_act is null))
);
create table fact_join (like fact_shape including all, profession text not null default '');
create unique index fact_join_one on fact_join (account_id, site_id, role) where ended_at is null;
create index fact_join_site on fact_join (site_id);
create table fact_review (like fact_shape including all,
  by_account uuid, need text not null, capacity text not null,
  verdict text not null check (verdict in ('approve','return','refuse')), reasons text[] not null default '{}');
create index fact_review_request on fact_review (request_id);
create unique index fact_review_one on fact_review (request_id, need, by_account) where ended_at is null and verdict = 'approve';
create table fact_signature (like fact_shape including all,
  program text not null, agreement text not null, agreement_version int not null, language text not null, digest text not null,
  declarant boolean not null default false, names uuid[] not null default '{}', proven boolean not null default false,
  signer_issuer text not null, signer_sub text not null,
  shown_at timestamptz not null, signed_in_at timestamptz not null, acr text not null);
create index fact_signature_account on fact_signature (account_id);
create index fact_signature_site on fact_signature (site_id);
create table fact_mandate (like fact_shape including all, on_behalf uuid not null);
create unique index fact_mandate_one on fact_mandate (account_id, on_behalf, site_id) where ended_at is null;
create index fact_mandate_on_behalf on fact_mandate (on_behalf);
create table fact_restriction (like fact_shape including all, kind text not null, program text not null default '', by_account uuid, reasons text[] not null default '{}');
create index fact_restriction_account on fact_restriction (account_id);
create table fact_standing (like fact_shape including all,
  profession text not null, body text not null, number_hash bytea not null, number_sealed bytea not null, by_account uuid not null);
create index fact_standing_account on fact_standing (account_id);
create index fact_standing_number on fact_standing (number_hash);
create table fact_identity_match (like fact_shape including all);
create table fact_consent (like fact_shape including all);
drop table fact_shape;
create view fact as
  select 'join' as kind, id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_join
  union all select 'review', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_review
  union all select 'signature', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_signature
  union all select 'mandate', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_mandate
  union all select 'restriction', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_restriction
  union all select 'standing', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_standing
  union all select 'identity_match', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_identity_match
  union all select 'consent', id, request_id, account_id, site_id, role, from_at, until_at, recorded_at, act_id, ended_at, end_act from fact_consent;

create table access_grant (
  id         uuid primary key,
  account_id uuid not null references account,
  site_id    uuid not null references site,
  role       text not null,
  leaf       text not null,
  basis      uuid[] not null,
  from_at    timestamptz not null,
  until_at   timestamptz not null default 'infinity',
  ended_at   timestamptz,
  version    bigint not null default 1,
  changed_at timestamptz not null,
  check (until_at > from_at),
  check (ended_at is null or ended_at >= from_at)
);
create unique index access_grant_open on access_grant (account_id, site_id, role, leaf) where ended_at is null;
create index access_grant_site on access_grant (site_id) where ended_at is null;
create index access_grant_account on access_grant (account_id);

-- The page of a text that was shown: signing names it, once.
create table display (
  id         uuid primary key,
  account_id uuid not null references account,
  agreement  text not null,
  version    int not null,
  language   text not null,
  digest     text not null,
  shown_at   timestamptz not null,
  used_at    timestamptz
);

create table invitation (
  id          uuid primary key,
  secret_hash bytea not null unique,
  purpose     text not null check (purpose in ('declarant','operator','mandate')),
  about_id    uuid not null,
  role        text,
  from_account uuid references account,
  email       text not null,
  name        text not null default '',
  act_id      uuid not null references act deferrable initially deferred,
  created_at  timestamptz not null,
  expires_at  timestamptz not null,
  used_at     timestamptz,
  used_by     uuid,
  replaced_at timestamptz,
  failures    int not null default 0,
  version     bigint not null default 1,
  changed_at  timestamptz not null
);
create index invitation_about on invitation (about_id);

create table mail (
  id         uuid primary key,
  address    text not null,
  kind       text not null,
  about_id   uuid not null,
  occurrence text not null,
  locale     text not null,
  data       bytea,
  due_at     timestamptz not null,
  sent_at    timestamptz,
  failed_at  timestamptz,
  tries      int not null default 0,
  answer     text not null default '',
  lease      uuid,
  lease_until timestamptz,
  created_at timestamptz not null,
  unique (address, kind, about_id, occurrence)
);
create index mail_due on mail (due_at) where sent_at is null and failed_at is null;

create table step (
  target  uuid not null,
  rev     bigint not null,
  n       int not null,
  kind    text not null,
  object  text not null,
  sent_at timestamptz,
  done_at timestamptz,
  outcome text not null default '',
  primary key (target, rev, n)
);
create table reverify (
  account_id uuid not null references account,
  rev        bigint not null,
  due_at     timestamptz not null,
  primary key (account_id, rev, due_at)
);

create table session (
  id_hash       bytea primary key,
  account_id    uuid not null references account,
  issuer        text not null,
  sub           text not null,
  sid           text not null,
  started_at    timestamptz not null,
  seen_at       timestamptz not null,
  ends_at       timestamptz not null,
  refreshed_at  timestamptz not null,
  refreshing_until timestamptz,
  ended_at      timestamptz,
  end_reason    text,
  acr           text not null,
  auth_time     timestamptz not null,
  id_token      bytea not null,
  refresh_token bytea,
  key_id        text not null
);
create index session_sid on session (issuer, sid) where ended_at is null;
create index session_sub on session (issuer, sub) where ended_at is null;
create index session_account on session (account_id) where ended_at is null;
create table sign_in (
  state_hash   bytea primary key,
  browser_hash bytea not null,
  nonce        text not null,
  verifier     bytea not null,
  return_to    text not null,
  prompt       text not null default '',
  max_age      int,
  started_at   timestamptz not null,
  used_at      timestamptz,
  key_id       text not null
);
create table used_jti (
  issuer     text not null,
  jti        text not null,
  sid        text not null, -- what it logged out: empty means every session of sub
  sub        text not null,
  issued     bigint not null, -- iat: seconds of the issuer's clock, compared with its auth_time alone
  expires_at timestamptz not null,
  primary key (issuer, jti)
);
create index used_jti_sid on used_jti (issuer, sid, sub);
create table counter (
  name   text not null,
  slot   timestamptz not null,
  n      int not null default 0,
  primary key (name, slot)
);

grant select on all tables in schema public to countersign_app;
grant insert on account, site, realm_group, application, act, event, event_private, operation, program_version, request,
  fact_join, fact_review, fact_signature, fact_mandate, fact_restriction, fact_standing, fact_identity_match, fact_consent,
  access_grant, display, invitation, mail, step, reverify, session, sign_in, used_jti, counter to countersign_app;
grant update on account, site, realm_group, application, request, invitation, mail, step, session, sign_in, counter to countersign_app;
grant update (result) on operation to countersign_app;
grant update (used_at) on display to countersign_app;
grant update (basis, until_at, ended_at, version, changed_at) on access_grant to countersign_app;
grant update (ended_at, end_act) on fact_join, fact_review, fact_signature, fact_mandate, fact_restriction,
  fact_standing, fact_identity_match, fact_consent to countersign_app;
grant delete on reverify, sign_in, used_jti, counter, display, session, step to countersign_app;
grant usage on all sequences in schema public to countersign_app;
grant select on goose_db_version to countersign_app;

-- What the record holds is never rewritten, by anybody's mistake: the owner too
-- meets these. (A superuser can still take them away; signatures tell.)
-- +goose StatementBegin
create function never() returns trigger language plpgsql as
$$ begin raise exception 'the record is only ever added to: % on %', tg_op, tg_table_name using errcode = '42501'; end $$;
-- +goose StatementEnd
create trigger act_never before update or delete on act for each row execute function never();
create trigger event_never before update or delete on event for each row execute function never();
-- +goose StatementBegin
create function ends_once() returns trigger language plpgsql as
$$ begin
  if tg_op = 'UPDATE' and old.ended_at is null and new.ended_at is not null
    and to_jsonb(new) - 'ended_at' - 'end_act' = to_jsonb(old) - 'ended_at' - 'end_act' then
    return new;
  end if;
  raise exception 'a fact is recorded once and ended once: % on %', tg_op, tg_table_name using errcode = '42501';
end $$;
-- +goose StatementEnd
-- +goose StatementBegin
do $$ declare kind text; begin
  foreach kind in array array['join', 'review', 'signature', 'mandate', 'restriction', 'standing', 'identity_match', 'consent'] loop
    execute format('create trigger fact_ends_once before update or delete on fact_%s for each row execute function ends_once()', kind);
    execute format('create trigger fact_never_truncate before truncate on fact_%s for each statement execute function never()', kind);
  end loop;
end $$;
-- +goose StatementEnd
create trigger act_never_truncate before truncate on act for each statement execute function never();
create trigger event_never_truncate before truncate on event for each statement execute function never();

-- +goose Down
select 1;
