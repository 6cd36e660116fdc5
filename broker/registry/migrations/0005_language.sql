-- +goose Up
-- A language that somebody chose on a page of ours is theirs: a token that names
-- another no longer changes it.
alter table account add column locale_chosen boolean not null default false;

-- +goose Down
select 1;
