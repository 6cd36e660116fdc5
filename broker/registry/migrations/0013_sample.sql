-- +goose Up
-- How the realm followed the record, minute by minute, for the operators' charts. The
-- row 'sampled' says that somebody looked in that minute; what then has no row was 0.
-- Nothing here names anybody.
create table sample (
  at    timestamptz not null, -- the beginning of a minute
  name  text not null,        -- such as waiting.accounts
  value double precision not null,
  primary key (at, name)
);
grant select, insert, update, delete on sample to countersign_app;

-- +goose Down
select 1;
