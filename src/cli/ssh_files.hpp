#pragma once

// What plain `ssh lease-7` needs: ~/.hanse/ssh/config with a Host block for each live lease, and a known_hosts with the
// keys that the ledger has for them. Pure but for write_ssh_files.

#include <string>
#include <vector>

#include "cli/settings.hpp"
#include "model/lease.hpp"

namespace hanse::cli {

std::string ssh_config_text(const std::vector<model::Lease>& running, const Home& home);
std::string known_hosts_text(const std::vector<model::Lease>& running);
Result<> write_ssh_files(const std::vector<model::Lease>& running, const Home& home);

/// Takes a lease that has ended out of the config.
void forget_ssh_host(model::LeaseId lease, const Home& home);

/// The line that makes plain ssh read it.
std::string include_line(const Home& home);
/// Puts that line at the head of ~/.ssh/config, where Include must stand to hold for all hosts.
Result<> add_include(const Home& home, const std::filesystem::path& user_config);

}  // namespace hanse::cli
