-- +goose Up
-- The mail with which a person begins is Keycloak's to send. Where it cannot hand it
-- over: since when that is so, and when it was given up; both null as long as nothing
-- is wrong. It is then in mail as one that failed, which is somebody's to see to.
alter table account add column setup_since timestamptz;
alter table account add column setup_lost_at timestamptz;

-- +goose Down
select 1;
