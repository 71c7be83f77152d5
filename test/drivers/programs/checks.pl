use strict;
use warnings;
use utf8;
use DBI;

my ($tls, $table) = @ENV{qw(TLS TABLE)};
my $mode = $tls eq 'off' ? 'sslmode=disable' : "sslmode=verify-full;sslrootcert=$tls";
my $dbh = DBI->connect(
    "dbi:Pg:host=$ENV{HOST};port=$ENV{PORT};dbname=$ENV{DATABASE};$mode",
    $ENV{USER_NAME}, $ENV{PASSWORD}, { RaiseError => 1, PrintError => 0, AutoCommit => 1, pg_enable_utf8 => 1 },
);
my $sth = $dbh->prepare('select ?::int + 1');
for my $n (0 .. 4) {
    $sth->execute($n);
    die unless $sth->fetchrow_arrayref->[0] == $n + 1;
}
$dbh->do("create table $table (n int, t text)");
$dbh->begin_work;
$dbh->do("insert into $table values (?, ?)", undef, 1, 'gone');
$dbh->rollback;
$dbh->begin_work;
$dbh->do("insert into $table values (?, ?), (?, ?)", undef, 2, 'größe 日本', 3, undef);
$dbh->commit;
my $rows = $dbh->selectall_arrayref("select n, t from $table order by n");
die unless @$rows == 2 && $rows->[0][1] eq 'größe 日本' && !defined $rows->[1][1];
eval { $dbh->do('select 1/0') };
die unless ($dbh->state // '') eq '22012';
my $sum = 0;
$sum += $_->[0] for @{ $dbh->selectall_arrayref('select generate_series(1, 10000)') };
die unless $sum == 50005000;
$dbh->do("drop table $table");
$dbh->disconnect;
print "ok\n";
