#pragma once

// The workdir of a job before it goes to a stranger's machine: how much of it goes, what of it looks like a secret, and
// whether it fits the disk there.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "cli/file_tree.hpp"
#include "cli/table.hpp"

namespace hanse::cli {

/// Paths, as in the tree, whose names are those of keys, tokens and passwords; but not what a `!` line of a
/// .hanseignore takes back, for that says it is meant. By names alone: contents are not read.
std::vector<std::string> likely_secrets(const LocalTree& tree);

/// Lines of the plan: what goes to each of so many machines, and what looks like a secret.
Facts workdir_facts(const LocalTree& tree, std::uint32_t machines);
/// The same for --json: files, bytes, secrets (the first thousand).
nlohmann::json workdir_json(const LocalTree& tree);

/// too_large, with both figures and what to write, where the tree does not fit a /workspace of so many bytes; 0: as
/// large as it is where the job asks for none.
Result<> check_disk(const LocalTree& tree, std::uint64_t disk_bytes);

}  // namespace hanse::cli
