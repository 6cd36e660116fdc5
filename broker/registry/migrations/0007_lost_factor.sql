-- +goose Up
-- A lost second factor: at which revision of the account the realm was last asked to
-- forget all credentials but the password, when, by which office. It is done once the
-- account is applied up to there.
alter table account add column factors_rev bigint not null default 0;
alter table account add column factors_at timestamptz;
alter table account add column factors_office text not null default '';

-- +goose Down
select 1;
