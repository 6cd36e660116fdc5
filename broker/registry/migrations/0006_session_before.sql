-- The session that a browser had before the present one, where it was the same
-- account's: a form of that one still open in another tab is known by it. No
-- reference: the older row is forgotten first.
-- +goose Up
alter table session add column replaces bytea; -- id_hash

-- +goose Down
select 1;
