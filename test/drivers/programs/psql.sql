\set ON_ERROR_STOP 1
\set QUIET 1
create table :table (n int, t text);
begin; insert into :table values (1, 'gone'); rollback;
begin; insert into :table values (2, 'größe 日本'), (3, null); commit;
select case when string_agg(coalesce(t, 'none'), ',' order by n) = 'größe 日本,none' then 'same' end as texts from :table \gset
\set ON_ERROR_STOP 0
select 1/0;
\set ON_ERROR_STOP 1
select sum(n) as sum from generate_series(1, 10000) n \gset
drop table :table;
select case when :'texts' = 'same' and :'sum' = '50005000' and :'LAST_ERROR_SQLSTATE' = '22012' then 'ok' end;
