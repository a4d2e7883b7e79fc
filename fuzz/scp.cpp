// scp's old protocol from strangers: whatever a client asks for and sends, the server stays up, within its bounds, and
// answers in whole records. An input is the client's command, a line's end, and all that the client then says.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "fuzz/fuzz.hpp"
#include "fuzz/sandbox.hpp"
#include "provider/scp_server.hpp"

namespace hanse::fuzz {
namespace {

using provider::Descriptor;

Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

/// What a client may ask for.
void fill_sandbox() {
  (void)::mkdir("d", 0755);
  (void)::mkdir("d/e", 0755);
  (void)::symlink("..", "d/up");
  (void)::symlink("e", "d/link");
  (void)::mkfifo("pipe", 0600);
  for (const auto* name : {"a1", "a2", "d/x y", "d/e/*"}) {
    const Descriptor file(::open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    HANSE_CHECK(file && provider::write_all(file.get(), std::string_view("hello")));
  }
}

/// A sink says nothing but answers.
void check_answers(int fd) {
  const off_t size = ::lseek(fd, 0, SEEK_END);
  std::string all(static_cast<std::size_t>(size), '\0');
  HANSE_CHECK(::pread(fd, all.data(), all.size(), 0) == size);
  for (std::size_t at = 0; at < all.size(); ++at) {
    if (all[at] == '\0') continue;
    HANSE_CHECK(all[at] == '\1');
    at = all.find('\n', at);
    HANSE_CHECK(at != std::string::npos);
  }
}

}  // namespace

std::vector<Bytes> seeds() {
  using namespace std::string_view_literals;
  return {bytes_of("scp -t d\nC0644 5 x\nhello\0C0600 0 y\n\0"sv),
          bytes_of("scp -r -p -d -t .\nT1 2 3 4\nD0755 0 n\nT5 0 6 0\nC4755 2 z\nhi\0D0700 0 m\nE\nE\n\1scp: no\n"sv),
          bytes_of("scp -t 'd/e/*'\nC0644 18446744073709551615 x\n"sv),
          bytes_of("scp -f a1 \"d/x y\" 'd/e/'\\*\n\0\0\0\0\0\0\0\0\0\0\0\0"sv),
          bytes_of("scp -rpf ~/d a* [d]/?*\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1scp: no\n\0\0"sv)};
}

}  // namespace hanse::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hanse;
  const std::string_view input = as_text(ByteView(data, size));
  const std::size_t end = std::min(input.find('\n'), input.size());
  const auto command = provider::parse_scp_command(input.substr(0, end));
  if (!command) return 0;
  const ByteView said = ByteView(data, size).subspan(std::min(end + 1, size));
  const provider::Descriptor in(::memfd_create("in", MFD_CLOEXEC)), out(::memfd_create("out", MFD_CLOEXEC));
  HANSE_CHECK(in && out && ::pwrite(in.get(), said.data(), said.size(), 0) == static_cast<ssize_t>(said.size()));
  const int code = fuzz::run_in_sandbox([&] {
    fuzz::fill_sandbox();
    return provider::serve_scp(*command, in.get(), out.get());
  });
  HANSE_CHECK(code == 0 || code == 1);
  if (command->is_sink) fuzz::check_answers(out.get());
  return 0;
}
