// db migrate|copy: where the records are kept, from the terminal.
#include "app/database_commands.hpp"

#include "app/data_dir_lock.hpp"
#include "app/open_records.hpp"
#include "app/options_of.hpp"
#include "records/copy.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>

namespace aircheck::app {
namespace {

using nlohmann::json;

ExitCode failed(const Error& error) {
    complain(error);
    return ExitCode::Failed;
}

bool is_url(const std::string& database) { return database.find("://") != std::string::npos; }

/// The SQLite file of `data_dir`, whatever `database` says.
std::string own_file(const Config& config) {
    Config without = config;
    without.database.clear();
    return database_of(without);
}

ExitCode run_migrate(const Config& config, Listing listing) {
    const auto store = open_records(config);
    if (!store) return failed(store.error());
    const auto schema = (*store)->schema();
    if (!schema) return failed(schema.error());
    if (listing == Listing::Json)
        std::printf("%s\n", json({{"schema", *schema}}).dump().c_str());
    else
        std::printf("the database has schema %d, the newest of this version\n", *schema);
    return ExitCode::Done;
}

void print(const std::vector<records::CopiedTable>& copied, Listing listing) {
    if (listing == Listing::Json) {
        json rows = json::object();
        for (const auto& table : copied) rows[table.name] = table.rows;
        std::printf("%s\n", rows.dump().c_str());
        return;
    }
    for (const auto& table : copied) {
        std::printf("%-16s  %lld rows\n", table.name.c_str(), static_cast<long long>(table.rows));
    }
}

/// Held while the files of `data_dir` are copied: a service that writes meanwhile would lose that.
Result<std::unique_ptr<DataDirLock>> hold_data_dir(
    const Config& config, const std::string& from, const std::string& to
) {
    std::error_code unreadable;
    const std::string own = own_file(config);
    const auto is_own = [&](const std::string& database) {
        return !is_url(database) &&
               (database == own || std::filesystem::equivalent(database, own, unreadable));
    };
    if (!is_own(from) && !is_own(to)) return std::unique_ptr<DataDirLock>();
    return DataDirLock::take(config.data_dir);
}

ExitCode run_copy(const Config& config, const DatabaseArguments& arguments) {
    const std::string from = arguments.from.empty() ? own_file(config) : arguments.from;
    const std::string to = arguments.to.empty() ? database_of(config) : arguments.to;
    if (from == to) {
        complain(
            "db copy: both are the same database; --to, or `database` in the configuration, says "
            "where the records go, --from where they are (the SQLite file of data_dir unless told)"
        );
        return ExitCode::Usage;
    }
    const auto held = hold_data_dir(config, from, to);
    if (!held) return failed(held.error());
    const auto copied = records::copy_database(from, to);
    if (!copied) return failed(copied.error());
    print(*copied, arguments.listing);
    return ExitCode::Done;
}

}  // namespace

void add_database_commands(CLI::App& app, DatabaseArguments& arguments, const AddCommand& add) {
    auto* database = app.add_subcommand("db", "Where records are kept: migrate, copy");
    database->require_subcommand(1);
    const auto takes_json = [&](CLI::App* command) {
        command->add_flag_callback(
            "--json", [&arguments] { arguments.listing = Listing::Json; }, "One object"
        );
        return command;
    };
    takes_json(
        add(database,
            "migrate",
            "Bring the database to this version's schema",
            [&arguments](const Config& config) { return run_migrate(config, arguments.listing); })
    );
    auto* copy = takes_json(
        add(database,
            "copy",
            "Copy all records to another, empty database",
            [&arguments](const Config& config) { return run_copy(config, arguments); })
    );
    copy->add_option("--from", arguments.from, "An SQLite file or postgres://…");
    copy->add_option("--to", arguments.to, "An SQLite file or postgres://…");
}

}  // namespace aircheck::app
