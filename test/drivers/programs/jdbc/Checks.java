import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/** The checks of ../checks.md with pgjdbc; from the fifth execution on it uses named statements. */
public class Checks {
    public static void main(String[] args) throws SQLException {
        var env = System.getenv();
        var properties = new Properties();
        properties.setProperty("user", env.get("USER_NAME"));
        properties.setProperty("password", env.get("PASSWORD"));
        properties.setProperty("ApplicationName", "pgjdbc");
        if (env.get("TLS").equals("off")) {
            properties.setProperty("sslmode", "disable");
        } else {
            properties.setProperty("sslmode", "verify-full");
            properties.setProperty("sslrootcert", env.get("TLS"));
        }
        var url = "jdbc:postgresql://" + env.get("HOST") + ":" + env.get("PORT") + "/" + env.get("DATABASE");
        var table = env.get("TABLE");
        try (Connection connection = DriverManager.getConnection(url, properties);
                Statement statement = connection.createStatement()) {
            try (PreparedStatement sum = connection.prepareStatement("select ?::int + 1")) {
                for (int n = 0; n < 12; n++) {
                    sum.setInt(1, n);
                    try (ResultSet row = sum.executeQuery()) {
                        check(row.next() && row.getInt(1) == n + 1, "sum");
                    }
                }
            }
            statement.execute("create table " + table + " (n int, t text)");
            connection.setAutoCommit(false);
            statement.execute("insert into " + table + " values (1, 'gone')");
            connection.rollback();
            try (PreparedStatement insert = connection.prepareStatement("insert into " + table + " values (?, ?)")) {
                insert.setInt(1, 2);
                insert.setString(2, "größe 日本");
                insert.addBatch();
                insert.setInt(1, 3);
                insert.setString(2, null);
                insert.addBatch();
                insert.executeBatch();
            }
            connection.commit();
            connection.setAutoCommit(true);
            try (ResultSet rows = statement.executeQuery("select t from " + table + " order by n")) {
                check(rows.next() && rows.getString(1).equals("größe 日本"), "text");
                check(rows.next() && rows.getString(1) == null && !rows.next(), "null");
            }
            try {
                statement.execute("select 1/0");
                check(false, "no error");
            } catch (SQLException error) {
                check(error.getSQLState().equals("22012"), error.getMessage());
            }
            long sum = 0;
            try (ResultSet rows = statement.executeQuery("select generate_series(1, 10000)")) {
                while (rows.next()) sum += rows.getLong(1);
            }
            check(sum == 50005000, "rows");
            statement.execute("drop table " + table);
        }
        System.out.println("ok");
    }

    private static void check(boolean holds, String what) {
        if (!holds) throw new IllegalStateException(what);
    }
}
