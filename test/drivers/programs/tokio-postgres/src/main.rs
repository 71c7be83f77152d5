//! The checks of ../checks.md with tokio-postgres.
use native_tls::{Certificate, TlsConnector};
use postgres_native_tls::MakeTlsConnector;
use std::env::var;
use tokio_postgres::{config::SslMode, error::SqlState, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tls = var("TLS")?;
    let mut builder = TlsConnector::builder();
    if tls != "off" {
        builder.add_root_certificate(Certificate::from_pem(&std::fs::read(&tls)?)?);
    }
    let (mut client, connection) = Config::new()
        .host(&var("HOST")?)
        .port(var("PORT")?.parse()?)
        .user(&var("USER_NAME")?)
        .password(var("PASSWORD")?)
        .dbname(&var("DATABASE")?)
        .application_name("tokio-postgres")
        .ssl_mode(if tls == "off" { SslMode::Disable } else { SslMode::Require })
        .connect(MakeTlsConnector::new(builder.build()?))
        .await?;
    tokio::spawn(connection);
    let table = var("TABLE")?;
    let sum = client.prepare("select $1::int + 1").await?;
    for n in 0..5i32 {
        assert_eq!(client.query_one(&sum, &[&n]).await?.get::<_, i32>(0), n + 1);
    }
    client.batch_execute(&format!("create table {table} (n int, t text)")).await?;
    let insert = format!("insert into {table} values ($1, $2)");
    let transaction = client.transaction().await?;
    transaction.execute(&insert, &[&1i32, &"gone"]).await?;
    transaction.rollback().await?;
    let transaction = client.transaction().await?;
    transaction.execute(&insert, &[&2i32, &"größe 日本"]).await?;
    transaction.execute(&insert, &[&3i32, &None::<&str>]).await?;
    transaction.commit().await?;
    let rows = client.query(&format!("select t from {table} order by n"), &[]).await?;
    let texts: Vec<Option<&str>> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(texts, [Some("größe 日本"), None]);
    let error = client.batch_execute("select 1/0").await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::DIVISION_BY_ZERO));
    let rows = client.query("select generate_series(1, 10000)", &[]).await?;
    assert_eq!(rows.iter().map(|row| row.get::<_, i32>(0)).sum::<i32>(), 50_005_000);
    client.batch_execute(&format!("drop table {table}")).await?;
    println!("ok");
    Ok(())
}
