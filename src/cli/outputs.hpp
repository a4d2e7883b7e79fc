#pragma once

// A job's results on their way home: names and patterns of its files, found in the lease and copied here. Each is
// tried, whatever became of the others, and for each that did not come it is known whether it still may.

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/copy.hpp"

namespace hanse::cli {

struct MissingOutput {
  std::string output;  ///< As the job file has it.
  Error error;
};

struct FetchedOutputs {
  struct Copied {
    std::filesystem::path target;
    CopyReport report;
  };
  std::vector<Copied> copied;
  std::vector<MissingOutput> missing;

  [[nodiscard]] bool is_complete() const { return missing.empty(); }
  /// What is missing may come when something here or on the way is mended: a full disk, a file in the way, a
  /// connection.
  [[nodiscard]] bool may_still_come() const;
  /// Each with its reason, a line each.
  [[nodiscard]] Error error() const;
  /// For --json: [{"output", "error"}].
  [[nodiscard]] nlohmann::json missing_json() const;
};

/// Files and folders of /workspace that the pattern matches; of a folder that matches, what is in it is not listed.
/// not_found: none. A name without a pattern in it is just that file or folder, there or not.
Result<std::vector<std::string>> find_outputs(Sftp& sftp, const std::string& output);

/// Copies what `output` names into `folder`, under the same relative paths, and notes in `fetched` what came and what
/// did not. An error where the connection is gone: then the same call again, with the same options, goes on.
Result<> fetch_output(Sftp& sftp, const std::string& output, const std::filesystem::path& folder,
                      const CopyOptions& options, FetchedOutputs& fetched);

}  // namespace hanse::cli
