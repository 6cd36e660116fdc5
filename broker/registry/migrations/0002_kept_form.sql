-- What was typed into a form whose sign-in was over, or too old for the act: kept
-- until the person has signed in again. Operational: no act, no event. Only the
-- account that typed it, in the browser that sent it, gets it back, once.
-- +goose Up
create table kept_form (
  id           uuid primary key,
  browser_hash bytea not null, -- of a cookie of that browser
  account_id   uuid not null references account,
  form         bytea not null check (octet_length(form) <= 256 * 1024), -- sealed
  key_id       text not null,
  kept_at      timestamptz not null
);
create index kept_form_account on kept_form (account_id, kept_at);
create index kept_form_browser on kept_form (browser_hash);
grant select, insert, delete on kept_form to countersign_app;

-- +goose Down
select 1;
