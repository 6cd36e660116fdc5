-- +goose Up
-- What a sign-in was begun for, besides coming in: what its answer has to show,
-- and a page of Keycloak's on which a person changes how they sign in.
alter table sign_in add column strength text not null default '';
alter table sign_in add column action text not null default '';

-- +goose Down
select 1;
