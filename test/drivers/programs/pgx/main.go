// The checks of ../checks.md with pgx.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(holds bool, what string) {
	if !holds {
		must(errors.New(what))
	}
}

func main() {
	ctx := context.Background()
	tls := "sslmode=disable"
	if ca := os.Getenv("TLS"); ca != "off" {
		tls = "sslmode=verify-full sslrootcert=" + ca
	}
	conn, err := pgx.Connect(ctx, fmt.Sprintf("host=%s port=%s user=%s password=%s dbname=%s application_name=pgx %s",
		os.Getenv("HOST"), os.Getenv("PORT"), os.Getenv("USER_NAME"), os.Getenv("PASSWORD"), os.Getenv("DATABASE"), tls))
	must(err)
	table := os.Getenv("TABLE")
	for n := range 5 {
		var got int
		must(conn.QueryRow(ctx, "select $1::int + 1", n).Scan(&got))
		check(got == n+1, "sum")
	}
	_, err = conn.Exec(ctx, "create table "+table+" (n int, t text)")
	must(err)
	tx, err := conn.Begin(ctx)
	must(err)
	_, err = tx.Exec(ctx, "insert into "+table+" values ($1, $2)", 1, "gone")
	must(err)
	must(tx.Rollback(ctx))
	must(pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "insert into "+table+" values ($1, $2), ($3, $4)", 2, "größe 日本", 3, nil)
		return err
	}))
	rows, err := conn.Query(ctx, "select coalesce(t, 'none') from "+table+" order by n")
	must(err)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(err)
	check(len(texts) == 2 && texts[0] == "größe 日本" && texts[1] == "none", fmt.Sprint(texts))
	_, err = conn.Exec(ctx, "select 1/0")
	var failure *pgconn.PgError
	check(errors.As(err, &failure) && failure.Code == "22012", "no error")
	batch := &pgx.Batch{}
	batch.Queue("select 1")
	batch.Queue("select 2")
	must(conn.SendBatch(ctx, batch).Close())
	rows, err = conn.Query(ctx, "select generate_series(1, 10000)")
	must(err)
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[int])
	must(err)
	sum := 0
	for _, n := range numbers {
		sum += n
	}
	check(sum == 50005000, "rows")
	_, err = conn.Exec(ctx, "drop table "+table)
	must(err)
	must(conn.Close(ctx))
	fmt.Println("ok")
}
