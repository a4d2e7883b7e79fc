#pragma once

// Who logs in to the registry of a job's image: found in the file where docker or podman keep it.

#include <string>

#include "cli/table.hpp"
#include "client/registry_login.hpp"

namespace hanse::cli {

/// Of Docker's config.json or podman's auth.json; where that names a program that keeps the logins (credHelpers,
/// credsStore), the program is asked. not_found names what is there for which registries.
Result<client::RegistryLogin> read_registry_login(const std::string& file, const std::string& image);

/// The plan's line about it: whose login goes to the machine.
Facts registry_facts(const client::RegistryLogin& login);

}  // namespace hanse::cli
