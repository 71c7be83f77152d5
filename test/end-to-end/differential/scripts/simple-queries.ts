import { query } from "../../../support/protocol.js";
import { ask, topic } from "../script.js";

export const simpleQueries = topic("simple queries", {
  "one row": ["select 1 as one, 'two' as two, null as three"],
  "no rows": ["select 1 as one where false"],
  "no columns": ["select", "select from item"],
  "an empty text": ["", "  ", ";", ";;;", "-- a comment", "/* a comment */"],
  "an empty text between others": ["select 1; ; select 2", ";select 3;"],
  "rows of every kind of value": [
    "select true, 1::int2, 2::int4, 3::int8, 4.5::float4, 6.7::float8, 8.9::numeric, 'x'::text, 'y'::bytea, '{1,2}'::int[]",
    `select '{"a": 1}'::json, '{"a": 1}'::jsonb, '2026-01-02'::date, '03:04:05'::time, '1 day'::interval, 'b'::"char"`,
    "select row(1, 'x'), array[row(1, 2)], '(1,2)'::point, '10.0.0.1'::inet, 'a=>b', $$dollar$$, E'\\n\\t'",
  ],
  "several statements": ["select 1 as one; select 2 as two; select 3 as three"],
  "an error ends the statements behind it": ["select 1; select 1/0; select 2", "select 3"],
  "several statements are one transaction": [
    "insert into log values ('kept?'); select 1/0",
    "select count(*) from log",
  ],
  "a transaction inside one text": [
    "begin; insert into log values ('inside'); commit; select count(*) from log",
    "select count(*) from log",
  ],
  "an error inside a transaction of one text": ["begin; select 1/0; commit", "rollback", "select 1"],
  "a transaction that stays open after one text": ["select 1; begin; select 2", "select 3", "commit"],
  "a transaction that ends in the middle of one text": ["begin", "select 1; commit; select 2", "select 3"],
  "a commit in the middle keeps what stands before it": [
    "insert into log values ('before'); commit; insert into log values ('after'); select 1/0",
    "select line from log",
  ],
  "a syntax error": ["selec 1", "select 1 from", "select 'unfinished", "select 1"],
  "a syntax error behind good statements": [
    "insert into log values ('x'); selec 1",
    "select count(*) from log",
  ],
  "queries ahead of their answers": [ask(query("select 1"), query("select 2"), query("select 3"))],
  "queries ahead, one of them wrong": [ask(query("select 1"), query("select 1/0"), query("select 3"))],
  "a transaction ahead of its answers": [
    ask(
      query("begin"),
      query("insert into log values ('x')"),
      query("commit"),
      query("select count(*) from log"),
    ),
  ],
  "a failed transaction ahead of its answers": [
    ask(query("begin"), query("select 1/0"), query("select 2"), query("rollback"), query("select 3")),
  ],
  "a hundred queries ahead": [ask(...Array.from({ length: 100 }, (_, n) => query(`select ${n}`)))],
  definitions: [
    "create table made (n int primary key, unique (n))",
    "alter table made add column m text default 'x'",
    "insert into made values (1), (2)",
    "create index on made (m)",
    "select * from made",
    "truncate made",
    "drop table made",
  ],
  "changes that tell their count": [
    "update item set name = name || '!'",
    "delete from item where id = 1",
    "insert into item select n, 'more' from generate_series(10, 20) n",
    "merge into item using (values (10), (99)) v(n) on id = n when matched then delete when not matched then insert values (n, 'm')",
    "select * into copied from item",
    "create table copied_too as select * from item",
    "update item set name = 'r' where id = 2 returning *",
  ],
  "a notice": ["select complain('of one')", "select complain('of two'), complain('of three')"],
  "notices of every level": [
    "do $$ begin raise notice 'n'; raise warning 'w' using hint = 'h', detail = 'd'; raise info 'i'; raise log 'l'; end $$",
  ],
  "notices that the server has of its own": [
    "drop table if exists never_there",
    "create table if not exists item (id int)",
    "rollback",
    "commit",
    "begin",
    "begin",
    "rollback",
  ],
  "notices before an error": ["select complain('first'), 1/(length('') * 1)", "select 1"],
  client_min_messages: [
    "set client_min_messages = error",
    "select complain('unheard')",
    "reset client_min_messages",
  ],
  explain: [
    "explain (costs off) select * from item where id = 1",
    "explain (analyze, costs off, timing off, summary off, buffers off) select 1",
  ],
  show: ["show server_version_num", "show all_is_not_a_parameter", "show default_transaction_isolation"],
  "lists of parameters": [
    "show search_path",
    "show work_mem",
    "show is_superuser",
    "show transaction_read_only",
  ],
  "a function with output parameters": [
    "create function both(out a int, out b text) language sql as $$ select 1, 'x' $$",
    "select * from both()",
    "select both()",
  ],
  "procedures that commit": [
    "create procedure twice() language plpgsql as $$ begin insert into log values ('1'); commit; insert into log values ('2'); commit; end $$",
    "call twice()",
    "select count(*) from log",
    "begin",
    "call twice()",
    "rollback",
  ],
  "procedures with output": [
    "create procedure out_of(inout n int) language plpgsql as $$ begin n := n + 1; end $$",
    "call out_of(41)",
  ],
  "do blocks": [
    "do $$ begin perform 1; end $$",
    "do $$ begin raise exception 'no' using errcode = 'P9999'; end $$",
  ],
  maintenance: ["vacuum item", "analyze item", "begin", "vacuum item", "rollback", "checkpoint"],
  locks: ["lock table item", "begin", "lock table item in exclusive mode", "commit"],
  "two-phase commit where it is off": [
    "begin",
    "prepare transaction 'x'",
    "commit prepared 'x'",
    "rollback prepared 'x'",
  ],
  "values, table, with": [
    "values (1, 'a'), (2, 'b')",
    "table item",
    "with recursive t(n) as (values (1) union all select n + 1 from t where n < 5) select sum(n) from t",
    "with gone as (delete from item returning *) select count(*) from gone",
    "select count(*) from item",
  ],
  "columns of many kinds of names": [
    `select 1 as "a b", 2 as "A""B", 3 as "ä", 4 as "", 5 as "?column?"`.replace(`4 as "", `, ""),
    `select 1 as "select", 2 as "${"x".repeat(63)}", 3 as "${"y".repeat(80)}"`,
  ],
});
