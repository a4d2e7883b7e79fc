// SFTP from strangers: whatever a client sends, the server stays up, within its bounds, and answers in whole packets.
// It works on real files, so each input runs with a temporary folder for its root.

#include "provider/sftp_server.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.hpp"
#include "fuzz/sandbox.hpp"

namespace hanse::fuzz {
namespace {

void put_u32(Bytes& out, std::size_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void put_string(Bytes& out, std::string_view text) {
  put_u32(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

/// One packet: its type, its number, and its fields as text or numbers, already in wire form.
void put_packet(Bytes& out, std::uint8_t type, const Bytes& body) {
  put_u32(out, body.size() + 5);
  out.push_back(type);
  put_u32(out, 1);
  out.insert(out.end(), body.begin(), body.end());
}

Bytes strings(std::initializer_list<std::string_view> texts, std::initializer_list<std::uint32_t> numbers = {}) {
  Bytes out;
  for (const auto text : texts) put_string(out, text);
  for (const auto number : numbers) put_u32(out, number);
  return out;
}

/// The first handle that a server gives, and the second.
constexpr std::string_view kFirst("\0\0\0\0\0\0\0\1", 8), kSecond("\0\0\0\1\0\0\0\1", 8);

Bytes greeting() {
  return {0, 0, 0, 5, 1, 0, 0, 0, 3};
}

Bytes session_of_files() {
  Bytes out = greeting();
  put_packet(out, 3, strings({"file"}, {2 | 1 | 8, 4, 0600}));  // open
  Bytes write = strings({kFirst}, {0, 5});
  put_string(write, "hello");
  put_packet(out, 6, write);
  put_packet(out, 5, strings({kFirst}, {0, 0, 100}));  // read
  put_packet(out, 8, strings({kFirst}));               // fstat
  put_packet(out, 10, strings({kFirst}, {1, 0, 3}));   // fsetstat: size
  put_packet(out, 9, strings({"file"}, {15, 0, 7, 0, 0, 0644, 1, 2}));
  put_packet(out, 200, strings({"fsync@openssh.com", kFirst}));
  put_packet(out, 200, strings({"fstatvfs@openssh.com", kFirst}));
  put_packet(out, 4, strings({kFirst}));  // close
  return out;
}

Bytes session_of_folders() {
  Bytes out = greeting();
  put_packet(out, 14, strings({"d"}, {4, 0700}));       // mkdir
  put_packet(out, 20, strings({"../../d", "d/link"}));  // symlink
  put_packet(out, 19, strings({"d/link"}));             // readlink
  put_packet(out, 7, strings({"d/link"}));              // lstat
  put_packet(out, 16, strings({"d/../d/./new"}));       // realpath
  put_packet(out, 11, strings({"d"}));                  // opendir
  put_packet(out, 12, strings({kFirst}));               // readdir
  put_packet(out, 12, strings({kSecond}));
  put_packet(out, 18, strings({"d/link", "d/other"}));  // rename
  put_packet(out, 13, strings({"d/other"}));            // remove
  put_packet(out, 15, strings({"d"}));                  // rmdir
  for (const auto name : {"posix-rename@openssh.com", "hardlink@openssh.com"})
    put_packet(out, 200, strings({name, "d", "e"}));
  for (const auto name :
       {"limits@openssh.com", "expand-path@openssh.com", "statvfs@openssh.com", "lsetstat@openssh.com"}) {
    put_packet(out, 200, strings({name, "~/x"}, {0}));
  }
  return out;
}

void check_replies(int fd) {
  const off_t size = ::lseek(fd, 0, SEEK_END);
  HANSE_CHECK(size >= 0);
  Bytes all(static_cast<std::size_t>(size));
  HANSE_CHECK(::pread(fd, all.data(), all.size(), 0) == size);
  for (ByteView rest = all; !rest.empty();) {
    const std::uint32_t length = provider::SftpReader(rest).u32();
    HANSE_CHECK(length > 0 && length <= provider::kMaxSftpPacket && length <= rest.size() - 4);
    rest = rest.subspan(4 + std::size_t{length});
  }
}

}  // namespace

std::vector<Bytes> seeds() {
  return {greeting(), session_of_files(), session_of_folders()};
}

}  // namespace hanse::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hanse;
  using provider::Descriptor;
  const Descriptor in(::memfd_create("in", MFD_CLOEXEC)), out(::memfd_create("out", MFD_CLOEXEC));
  HANSE_CHECK(in && out && ::pwrite(in.get(), data, size, 0) == static_cast<ssize_t>(size));
  const int code = fuzz::run_in_sandbox([&] { return provider::serve_sftp(in.get(), out.get()); });
  HANSE_CHECK(code == 0 || code == 1);
  fuzz::check_replies(out.get());
  return 0;
}
