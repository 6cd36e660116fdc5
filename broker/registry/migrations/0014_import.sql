-- Imports: one decision about many people at once. What came of it refers to it.
-- +goose Up
create table import_batch (
  id         uuid primary key, -- derived from what was decided: the same decision is the same batch
  ref        text not null unique,
  program    text not null,
  approver   uuid not null references account, -- the registrar whose decision it is
  digest     text not null, -- hex SHA-256 of the rows that were decided on
  rows       int not null,
  licences   boolean not null, -- the licences in it were looked up in their registers
  decided_at timestamptz not null,
  version    bigint not null default 1,
  changed_at timestamptz not null
);
create trigger import_batch_never before update or delete on import_batch for each row execute function never();
create trigger import_batch_never_truncate before truncate on import_batch for each statement execute function never();
alter table request add column batch_id uuid references import_batch;
alter table account add column batch_id uuid references import_batch; -- that made it; null: people came by themselves

-- Who is in a file is looked for by user name. What an import asks of Keycloak and of the
-- mail server comes in its own time, and the last of it says when the next may come.
create index account_user_name on account (user_name);
create index account_paced on account (retry_at) where batch_id is not null and state = 'asked';
create index mail_paced on mail (due_at) where kind = 'pre-approved' and sent_at is null and failed_at is null;
grant select, insert on import_batch to countersign_app;

-- +goose Down
select 1;
