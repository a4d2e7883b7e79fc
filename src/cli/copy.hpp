#pragma once

// Files between this machine and a lease, over pipelined SFTP. A large file travels under a name that holds its size
// and time (`.NAME.<size>-<time>.part`) and gets its own name when it is whole: the same copy again goes on where it
// stopped, and a file that is there with the same size and time is not copied again.

#include <filesystem>
#include <functional>
#include <set>
#include <string>

#include "cli/file_tree.hpp"
#include "cli/sftp.hpp"

namespace hanse::cli {

struct CopyOptions {
  bool resume = true;  ///< False where the target is known to be empty: saves a question a file.
  /// Down: what this copy brought; then only that counts as being here, and nothing that lay here before is trusted for
  /// its size and time. Null: all that is here counts.
  std::set<std::filesystem::path>* brought = nullptr;
  std::string part_of;      ///< Down: whose parts these are; those of another copy are not gone on from.
  bool checks_room = true;  ///< Up. False where the disk was rented for these files, which may fill it.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  ///< Bytes.
  std::function<bool()> stopped;  ///< Asked now and then; true ends the copy with `unavailable`.
};

struct CopyReport {
  std::uint64_t files = 0, bytes = 0;  ///< That there are now.
  std::uint64_t resumed_bytes = 0;     ///< Of them, were there before.
  std::vector<std::string> skipped;
};

// Nothing is written if what is to come does not fit (check_space). A copy that broke off or was stopped leaves its
// parts to go on from; one that failed for good (is_final) leaves none.

/// `tree`'s files under the lease's folder `target` (made if missing).
Result<CopyReport> upload(Sftp& sftp, const LocalTree& tree, const std::string& target, const CopyOptions& options);
/// One file, under exactly this name.
Result<CopyReport> upload_file(Sftp& sftp, const LocalFile& file, const std::string& target,
                               const CopyOptions& options);
/// The lease's `source`, file or folder, to exactly `target`. Writes nothing outside `target`; links to folders are
/// left out, and so is what goes away between being listed and read (both said). A file that fails costs no other; the
/// first error is returned once all were tried, at once where the connection is gone.
Result<CopyReport> download(Sftp& sftp, const std::string& source, const std::filesystem::path& target,
                            const CopyOptions& options);

/// Refuses a copy after which its file system, at `place` for a person, would have less than 1 % or 64 MiB free,
/// whichever is less. Down, how much is to come is the machine's word, and it must not fill the renter's disk; up, it
/// would fail in the end.
Result<> check_space(std::uint64_t to_come, const Space& space, const std::string& place);

/// The same copy again would fail again: the disk is full, or it is not allowed.
[[nodiscard]] bool is_final(const Error& error);

/// The name under which a file of this size and time travels.
std::string part_name(const std::string& name, std::uint64_t size, std::uint32_t modified_s,
                      const std::string& of = "");

}  // namespace hanse::cli
