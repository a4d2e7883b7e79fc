#pragma once

// An SFTP server, protocol version 3 (draft-ietf-secsh-filexfer-02) with OpenSSH's extensions posix-rename, hardlink,
// fsync, lsetstat, statvfs, limits and expand-path. It serves the whole file system that its process sees: who calls it
// is in a container already. Single-threaded; loads nothing and asks no name service.
//
// Bounds: packets of 256 KiB, 128 open handles, 128 names a listing reply.

#include <dirent.h>

#include <array>
#include <memory>
#include <string>

#include "provider/descriptor.hpp"
#include "provider/sftp_attributes.hpp"
#include "provider/sftp_packet.hpp"

namespace hanse::provider {

class SftpServer {
 public:
  /// Relative paths start at the working folder of now.
  SftpServer();

  /// Answers one packet (without its length field). False: the client does not speak SFTP; hang up.
  bool answer(ByteView packet, SftpReplies& out);

 private:
  static constexpr std::size_t kMaxHandles = 128;

  struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };
  struct Handle {
    std::uint32_t generation = 0;  ///< Makes a closed handle's name never mean the next one.
    Descriptor file;
    std::unique_ptr<DIR, CloseFolder> folder;
    [[nodiscard]] bool is_open() const { return file || folder; }
    [[nodiscard]] int fd() const { return folder ? ::dirfd(folder.get()) : file.get(); }
  };
  /// A request's fields and where its answer goes.
  struct Request {
    SftpReader reader;
    SftpReplies& out;
    std::uint32_t id;
  };

  // Each returns an errno to be told as a status; 0: success; kAnswered: it answered by itself.
  static constexpr int kAnswered = -1;
  static constexpr int kMalformed = -2;
  static constexpr int kEndOfFile = -3;
  static constexpr int kNoSuchHandle = -4;
  int dispatch(std::uint8_t type, Request& request);
  int open(Request& request);
  int close(Request& request);
  int read(Request& request);
  int write(Request& request);
  int status_of_path(Request& request, bool follow);
  int status_of_handle(Request& request);
  int set_attributes(Request& request, bool follow);
  int set_handle_attributes(Request& request);
  int open_folder(Request& request);
  int read_folder(Request& request);
  int remove(Request& request, bool folder);
  int make_folder(Request& request);
  int real_path(Request& request, bool expand);
  int read_link(Request& request);
  int make_link(Request& request, bool symbolic);
  int rename(Request& request, bool replace);
  int extended(Request& request);
  int sync(Request& request);
  int space(Request& request, bool handle);
  int limits(Request& request);

  Handle* find(ByteView name);
  Handle* free_handle();
  int give_handle(Request& request, Handle& handle);
  static void answer_status(Request& request, int result);
  static void answer_name(Request& request, std::string_view name);
  static void answer_attributes(Request& request, const struct stat& status);
  void answer_version(SftpReplies& out) const;

  std::string home_;
  bool greeted_ = false;
  std::array<Handle, kMaxHandles> handles_;
};

/// Serves until `in` ends; the exit code: 0, or 1 if the client broke the protocol or left in the middle.
int serve_sftp(int in, int out);

}  // namespace hanse::provider
