#pragma once

// SFTP (version 3), pipelined: requests go out without waiting for the answers to those before, which is what makes
// copies fast over a distance and many small files fast at all (libssh 0.10's own client waits for every write).
// Blocking where it says so; one thread.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/ssh_client.hpp"

namespace hanse::cli {

inline constexpr std::size_t kWindow = 64;               ///< Requests of a copy that are under way at once.
inline constexpr std::uint32_t kChunkBytes = 32 * 1024;  ///< What each of them carries.

struct SftpAttributes {
  enum class Kind { file, folder, link, other };
  Kind kind = Kind::other;
  std::uint64_t size = 0;
  std::uint32_t mode = 0;  ///< Permission bits.
  std::uint32_t modified_s = 0;
};

struct SftpEntry {
  std::string name;  ///< One plain name: answers with '/', NUL, "." or ".." in them are left out.
  SftpAttributes attributes;
};

/// Of a file system; bytes.
struct Space {
  std::uint64_t free = 0, whole = 0;
};

class Sftp {
 public:
  static Result<std::unique_ptr<Sftp>> open(SshSession& session);
  static Result<std::unique_ptr<Sftp>> open(std::unique_ptr<ByteChannel> channel);

  /// What a request was answered with, by its kind.
  struct Answer {
    Result<> status;  ///< Of every kind; not_found, denied, io.
    bool end_of_file = false;
    std::string handle;         ///< open, open_folder
    Bytes data;                 ///< read
    SftpAttributes attributes;  ///< stat
    std::vector<SftpEntry> entries;
    Space space;
  };
  using Done = std::function<void(Answer)>;

  enum OpenFlags : std::uint32_t { kRead = 1, kWrite = 2, kCreate = 8, kTruncate = 16 };

  // Sent at once; `done` is called from pump().
  Result<> send_open(const std::string& path, std::uint32_t flags, std::uint32_t mode, Done done);
  Result<> send_write(const std::string& handle, std::uint64_t offset, ByteView data, Done done);
  Result<> send_read(const std::string& handle, std::uint64_t offset, std::uint32_t size, Done done);
  Result<> send_set_time(const std::string& handle, std::uint32_t mode, std::uint32_t modified_s, Done done);
  Result<> send_close(const std::string& handle, Done done);
  /// Waits for one answer and hands it on. unavailable: the connection is gone.
  Result<> pump();
  [[nodiscard]] std::size_t in_flight() const { return waiting_.size(); }

  // Wait for the answer; answers to others are handed on meanwhile.
  Result<SftpAttributes> stat(const std::string& path);
  Result<std::vector<SftpEntry>> list(const std::string& path);
  Result<> make_folder(const std::string& path);                    ///< Fine if it is there.
  Result<> rename(const std::string& from, const std::string& to);  ///< Replaces `to`.
  Result<> remove(const std::string& path);
  /// Of the file system that `path` is on; nullopt: this server cannot tell (it is not asked).
  Result<std::optional<Space>> space(const std::string& path);

 private:
  Sftp() = default;
  class Writer;
  Result<> send(std::uint8_t type, const Writer& body, Done done);
  Result<Answer> call(std::uint8_t type, const Writer& body);
  Result<Bytes> read_packet();
  Result<> start();

  std::unique_ptr<ByteChannel> channel_;
  bool tells_space_ = false;
  std::map<std::uint32_t, Done> waiting_;
  std::uint32_t next_id_ = 1;
  Bytes buffer_;
  std::size_t consumed_ = 0;
};

}  // namespace hanse::cli
