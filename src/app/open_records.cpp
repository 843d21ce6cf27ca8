#include "app/open_records.hpp"

#include "app/options_of.hpp"

#include <filesystem>

namespace aircheck::app {

Result<std::unique_ptr<records::Store>> open_records(const Config& config) {
    if (config.database.empty() && !std::filesystem::exists(database_of(config))) {
        return fail(
            Errc::NotFound,
            "there are no records in data_dir '" + config.data_dir +
                "' yet: `aircheck serve` makes them"
        );
    }
    return records::Store::open(database_of(config), records::Store::Migrate::Yes);
}

}  // namespace aircheck::app
