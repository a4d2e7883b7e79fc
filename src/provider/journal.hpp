#pragma once

// What the agent must know after a crash: its leases and what on this machine belongs to them. SQLite, every change
// synced to disk before it returns. The file has mode 0600, for jobs hold secrets; a job is erased with its lease.
// Thread-safe.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "model/ids.hpp"

namespace hanse::provider {

struct JournalEntry {
  model::LeaseId lease{};
  std::string container{};      ///< Empty: none yet.
  std::string subnet{};         ///< Empty: no network of its own.
  Bytes job{};                  ///< Encoded; empty: none delivered yet.
  std::string image{};          ///< The id of its job's image, whatever that is called by now; empty: not known yet.
  std::string private_image{};  ///< The name that the image was pulled by with the renter's own login; empty: without.
  bool go = false;              ///< The consumer's files are there.
  bool confirmed = false;
  int exit_code = -1;  ///< Of the job; -1: it has not ended.
  Time told{};         ///< The end of the lease that what runs in it was told of; 0: of none.
  bool kept = false;   ///< Its job is over and its container made anew, to hold its files.

  bool operator==(const JournalEntry&) const = default;
};

class Journal {
 public:
  /// io if the file cannot be opened or is none of ours.
  static Result<std::unique_ptr<Journal>> open(const std::filesystem::path& file);
  virtual ~Journal() = default;

  virtual Result<> save(const JournalEntry& entry) = 0;  ///< Inserts or replaces.
  virtual Result<> erase(model::LeaseId lease) = 0;
  virtual Result<std::vector<JournalEntry>> entries() = 0;

  /// Named notes ("published"); "" if there is none.
  virtual Result<> set_note(const std::string& name, const std::string& value) = 0;
  virtual Result<std::string> note(const std::string& name) = 0;
};

}  // namespace hanse::provider
