-- +goose Up
-- Signing up: an account may wait for a click in a mail of ours (unconfirmed), and
-- one that nobody ever verified is closed. Closed ones keep their sub: whoever
-- comes with that name later is somebody else (A19).
alter table account drop constraint account_state_check;
alter table account add constraint account_state_check check (state in ('unconfirmed','asked','live','refused','closed'));
alter table account drop constraint account_check;
alter table account add constraint account_sub check (case state when 'live' then sub is not null when 'closed' then true else sub is null end);
alter table account add look_at timestamptz;   -- when it is next looked whether the person was ever there; null: they were, or it is over
alter table account add continue_to bytea;     -- sealed: where their first sign-in leads, on whatever device
create index account_look on account (look_at) where look_at is not null;
update account set look_at = instant() + interval '5 days' where origin = 'sign-up' and not email_verified and state in ('asked','live');

alter table invitation drop constraint invitation_purpose_check;
alter table invitation add constraint invitation_purpose_check check (purpose in ('declarant','operator','mandate','sign-up'));

-- Challenges that were solved and used, once over all replicas (I7).
create table used_challenge (
  challenge  bytea primary key,
  expires_at timestamptz not null
);
grant select, insert, delete on used_challenge to countersign_app;

-- Mails that could not be delivered, each somebody's to see to.
create table mail_todo (
  id          uuid primary key,
  mail_id     uuid not null unique references mail,
  kind        text not null,
  address     text not null,
  about_id    uuid not null,
  reader      uuid references account, -- whose mail it was; null: an address without an account
  request_id  uuid references request,
  for_account uuid references account, -- who is to see to it: one of these three
  site_id     uuid references site,
  program     text,
  opened_at   timestamptz not null,
  settled_at  timestamptz,
  settled_by  uuid references account, -- null: a later mail was delivered
  check (num_nonnulls(for_account, site_id, program) = 1)
);
create index mail_todo_open on mail_todo (kind) where settled_at is null;
grant select, insert, update on mail_todo to countersign_app;

-- +goose Down
select 1;
