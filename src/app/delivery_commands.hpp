#pragma once

#include "app/commands.hpp"
#include "records/model.hpp"

#include <functional>
#include <string>
#include <vector>

namespace aircheck::app {

/// Makes a command below `parent` that takes the common options and runs with the configuration.
using AddCommand = std::function<CLI::App*(
    CLI::App* parent,
    const std::string& name,
    const std::string& help,
    std::function<ExitCode(const Config&)> run
)>;

/// What `deliveries list|replay` were told; outlives the parsed command line.
struct DeliveryArguments {
    std::string state;
    records::DeliveryQuery query;
    Listing listing = Listing::Text;
    std::vector<std::string> ids;
    bool dead = false;  ///< All dead letters that pass the query's filters.
};

/// Adds `deliveries list|replay`.
void add_delivery_commands(CLI::App& app, DeliveryArguments& arguments, const AddCommand& add);

}  // namespace aircheck::app
