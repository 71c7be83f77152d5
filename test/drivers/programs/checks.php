<?php
// PDO, with statements prepared by the server and by itself, and the functions of the extension pgsql.
declare(strict_types=1);

$env = fn (string $name): string => getenv($name);
$tls = $env('TLS') === 'off' ? 'sslmode=disable' : "sslmode=verify-full sslrootcert={$env('TLS')}";
$where = "host={$env('HOST')} port={$env('PORT')} dbname={$env('DATABASE')} $tls";

function check(bool $good, string $what): void
{
    if (!$good) {
        fwrite(STDERR, "wrong: $what\n");
        exit(1);
    }
}

function with_pdo(string $where, string $user, string $password, string $table, bool $emulated): void
{
    $db = new PDO('pgsql:' . str_replace(' ', ';', $where), $user, $password, [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_EMULATE_PREPARES => $emulated,
    ]);
    $next = $db->prepare('select ?::int + 1');
    for ($n = 0; $n < 5; $n++) {
        $next->execute([$n]);
        check((int) $next->fetchColumn() === $n + 1, 'a statement with parameters');
    }
    // Its statement is closed by DEALLOCATE, behind which the next is prepared.
    unset($next);
    $db->exec("create table $table (n int, t text)");
    $db->beginTransaction();
    $db->prepare("insert into $table values (?, ?)")->execute([1, 'gone']);
    $db->rollBack();
    $db->beginTransaction();
    $insert = $db->prepare("insert into $table values (?, ?)");
    $insert->execute([2, 'größe 日本']);
    $insert->execute([3, null]);
    $db->commit();
    $rows = $db->query("select n, t from $table order by n")->fetchAll(PDO::FETCH_NUM);
    check($rows === [[2, 'größe 日本'], [3, null]], 'what a transaction left');
    try {
        $db->query('select 1/0');
        check(false, 'an error');
    } catch (PDOException $error) {
        check($error->getCode() === '22012', 'the code of an error');
    }
    $sum = 0;
    foreach ($db->query('select generate_series(1, 10000)') as [$n]) {
        $sum += $n;
    }
    check($sum === 50005000, 'many rows');
    $db->exec("drop table $table");
}

function with_functions(string $where, string $user, string $password): void
{
    $db = pg_connect("$where user=$user password=$password");
    check($db !== false, 'pg_connect');
    check(pg_prepare($db, 'next', 'select $1::int + 1') !== false, 'pg_prepare');
    for ($n = 0; $n < 5; $n++) {
        check(pg_fetch_result(pg_execute($db, 'next', [$n]), 0, 0) === (string) ($n + 1), 'pg_execute');
    }
    check(@pg_query($db, 'select 1/0') === false, 'an error of pg_query');
    $row = pg_fetch_row(pg_query_params($db, 'select $1::text, $2::text', ['größe 日本', null]));
    check($row === ['größe 日本', null], 'pg_query_params');
    pg_close($db);
}

foreach ([false, true] as $emulated) {
    with_pdo($where, $env('USER_NAME'), $env('PASSWORD'), $env('TABLE'), $emulated);
}
with_functions($where, $env('USER_NAME'), $env('PASSWORD'));
echo "ok\n";
