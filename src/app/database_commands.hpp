#pragma once

#include "app/delivery_commands.hpp"

#include <string>

namespace aircheck::app {

/// What `db migrate|copy` were told; outlives the parsed command line.
struct DatabaseArguments {
    std::string from, to;
    Listing listing = Listing::Text;
};

/// Adds `db migrate|copy`.
void add_database_commands(CLI::App& app, DatabaseArguments& arguments, const AddCommand& add);

}  // namespace aircheck::app
