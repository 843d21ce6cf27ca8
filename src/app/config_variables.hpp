#pragma once

// Private to configuration: what environment variables and .env mean.

#include "app/config.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::app {

/// A variable that sets the key at `path`.
struct Variable {
    std::string path;
    std::string value;
    Origin origin;
};

using Variables = std::map<std::string, std::string>;

/// A `.env`, read. Later lines win, as in every shell.
struct DotEnv {
    Variables values;
    std::map<std::string, int> lines;
};

/// Reads NAME=value lines: `export` before them, # comments, 'literal' and "escaped" values (also
/// over several lines), JSON as it stands. What is no such line is skipped with a warning.
[[nodiscard]] DotEnv parse_dotenv(const NamedText& text, std::vector<std::string>& warnings);

/// AIRCHECK_… variables: "__" is the dot. Empty ones, those of the tools and those that Kubernetes
/// adds for a service named aircheck are left out.
[[nodiscard]] std::vector<Variable> own_variables(const Variables& environment);
[[nodiscard]] std::vector<Variable> own_variables(const DotEnv& dotenv);

/// The variables that other programs know too (LIVEKIT_…, AWS_…); `dotenv` gives lines, if it is
/// one.
[[nodiscard]] std::vector<Variable> general_variables(
    const Variables& environment, const DotEnv* dotenv
);

/// One warning for the variables of things this build does not do yet.
void warn_of_later_variables(const Variables& environment, std::vector<std::string>& warnings);

}  // namespace aircheck::app
