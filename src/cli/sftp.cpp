#include "cli/sftp.hpp"

#include <optional>

#include "cli/file_tree.hpp"

namespace hanse::cli {
namespace {

enum Type : std::uint8_t {
  kInit = 1,
  kVersion = 2,
  kOpen = 3,
  kClose = 4,
  kReadFile = 5,
  kWriteFile = 6,
  kSetHandle = 10,
  kOpenFolder = 11,
  kReadFolder = 12,
  kRemove = 13,
  kMakeFolder = 14,
  kStat = 17,
  kRename = 18,
  kStatus = 101,
  kHandle = 102,
  kData = 103,
  kName = 104,
  kAttributes = 105,
  kExtended = 200,
  kExtendedReply = 201
};

constexpr std::uint32_t kMaxPacketBytes = 256 * 1024 + 1024;
constexpr int kSftpAnswerMs = 60'000;  ///< While a request waits for its answer.
constexpr std::string_view kTellSpace = "statvfs@openssh.com", kTellSpaceVersion = "2";
constexpr std::uint32_t kEndOfFile = 1, kNoSuchFile = 2, kPermissionDenied = 3;

/// Reads the fields of one packet; after a short read everything is empty and `good` is false.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}
  bool good = true;

  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    if (rest_.size() < bytes) {
      good = false;
      rest_ = {};
      return 0;
    }
    for (std::size_t i = 0; i < bytes; ++i) value = (value << 8) | rest_[i];
    rest_ = rest_.subspan(bytes);
    return value;
  }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  ByteView bytes() {
    const std::uint32_t size = u32();
    if (rest_.size() < size) {
      good = false;
      rest_ = {};
      return {};
    }
    const ByteView out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return out;
  }
  std::string text() { return std::string(as_text(bytes())); }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  /// As statvfs(3) has it: block sizes, then blocks.
  Space space() {
    number(8);
    const std::uint64_t block = number(8), whole = number(8);
    number(8);
    const std::uint64_t free = number(8);
    const auto bytes = [block](std::uint64_t blocks) {
      return block != 0 && blocks > UINT64_MAX / block ? UINT64_MAX : blocks * block;
    };
    return {bytes(free), bytes(whole)};
  }

  SftpAttributes attributes() {
    SftpAttributes a;
    const std::uint32_t flags = u32();
    if ((flags & 1) != 0) a.size = number(8);
    if ((flags & 2) != 0) number(8);
    if ((flags & 4) != 0) {
      const std::uint32_t mode = u32();
      using Kind = SftpAttributes::Kind;
      a.mode = mode & 07777;
      a.kind = (mode & 0170000) == 0100000   ? Kind::file
               : (mode & 0170000) == 0040000 ? Kind::folder
               : (mode & 0170000) == 0120000 ? Kind::link
                                             : Kind::other;
    }
    if ((flags & 8) != 0) {
      number(4);
      a.modified_s = u32();
    }
    for (std::uint32_t n = (flags & 0x80000000U) != 0 ? u32() : 0; n > 0 && good; --n) {
      bytes();
      bytes();
    }
    return a;
  }

 private:
  ByteView rest_;
};

Result<> status_of(Reader& reader, bool& end_of_file) {
  const std::uint32_t code = reader.u32();
  const std::string text = reader.text();
  if (code == 0) return {};
  end_of_file = code == kEndOfFile;
  if (code == kNoSuchFile) return fail(ErrorCode::not_found, "no such file in the lease");
  if (code == kPermissionDenied) return fail(ErrorCode::denied, "the lease's files do not allow that");
  return fail(ErrorCode::io, text.empty() ? "the machine could not do it (is its disk full?)" : text);
}

std::string last_words(const ByteChannel& channel) {
  const std::string words = channel.complaint();
  return words.empty() ? "" : ": " + words;
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace

class Sftp::Writer {
 public:
  Bytes bytes;
  Writer& u32(std::uint32_t value) { return number(value, 4); }
  Writer& u64(std::uint64_t value) { return number(value, 8); }
  Writer& text(std::string_view text) { return data(as_bytes(text)); }
  Writer& data(ByteView data) {
    u32(static_cast<std::uint32_t>(data.size()));
    bytes.insert(bytes.end(), data.begin(), data.end());
    return *this;
  }

 private:
  Writer& number(std::uint64_t value, int width) {
    for (int i = width - 1; i >= 0; --i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    return *this;
  }
};

Result<std::unique_ptr<Sftp>> Sftp::open(SshSession& session) {
  auto channel = session.subsystem("sftp");
  if (!channel) return fail(channel);
  return open(std::move(*channel));
}

Result<std::unique_ptr<Sftp>> Sftp::open(std::unique_ptr<ByteChannel> channel) {
  std::unique_ptr<Sftp> self(new Sftp());
  self->channel_ = std::move(channel);
  const auto started = self->start();
  if (!started) return fail(started);
  return self;
}

Result<> Sftp::start() {
  const Bytes hello{0, 0, 0, 5, kInit, 0, 0, 0, 3};
  if (auto sent = channel_->write(hello); !sent) return sent;
  const auto answer = read_packet();
  if (!answer) return fail(answer);
  if (answer->empty() || answer->front() != kVersion) return fail(ErrorCode::unsupported, "the machine speaks no SFTP");
  Reader reader(ByteView(*answer).subspan(1));
  reader.u32();
  while (reader.good && !reader.at_end()) {
    const std::string name = reader.text(), version = reader.text();
    tells_space_ = tells_space_ || (name == kTellSpace && version == kTellSpaceVersion);
  }
  return {};
}

Result<Bytes> Sftp::read_packet() {
  const auto need = [&](std::size_t size) -> Result<> {
    while (buffer_.size() - consumed_ < size) {
      if (consumed_ > 0) {
        buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_));
        consumed_ = 0;
      }
      const std::size_t have = buffer_.size();
      buffer_.resize(have + 64 * 1024);
      const auto n = channel_->read(buffer_.data() + have, 64 * 1024, kSftpAnswerMs);
      buffer_.resize(have + (n ? *n : 0));
      if (!n && n.error().code == ErrorCode::timeout) {
        return fail(ErrorCode::unavailable, "the machine has not answered the file transfer for a minute");
      }
      if (!n) return fail(n);
      if (*n == 0) return fail(ErrorCode::unavailable, "the machine closed the file transfer" + last_words(*channel_));
    }
    return {};
  };
  if (auto got = need(4); !got) return fail(got);
  const auto size = static_cast<std::uint32_t>(buffer_[consumed_] << 24 | buffer_[consumed_ + 1] << 16 |
                                               buffer_[consumed_ + 2] << 8 | buffer_[consumed_ + 3]);
  if (size == 0 || size > kMaxPacketBytes) return fail(ErrorCode::malformed, "the machine sent a broken SFTP packet");
  if (auto got = need(4 + size); !got) return fail(got);
  const auto begin = buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_) + 4;
  Bytes packet(begin, begin + size);
  consumed_ += 4 + size;
  return packet;
}

Result<> Sftp::send(std::uint8_t type, const Writer& body, Done done) {
  const std::uint32_t id = next_id_++;
  Writer packet;
  packet.bytes.reserve(body.bytes.size() + 9);
  packet.u32(static_cast<std::uint32_t>(body.bytes.size() + 5));
  packet.bytes.push_back(type);
  packet.u32(id);
  packet.bytes.insert(packet.bytes.end(), body.bytes.begin(), body.bytes.end());
  waiting_.emplace(id, std::move(done));
  return channel_->write(packet.bytes);
}

Result<> Sftp::pump() {
  const auto packet = read_packet();
  if (!packet) return fail(packet);
  Reader reader(ByteView(*packet).subspan(1));
  const auto found = waiting_.find(reader.u32());
  if (found == waiting_.end())
    return fail(ErrorCode::malformed, "the machine answered an SFTP request that was not made");
  const Done done = std::move(found->second);
  waiting_.erase(found);
  Answer answer;
  switch (packet->front()) {
    case kStatus:
      answer.status = status_of(reader, answer.end_of_file);
      break;
    case kHandle:
      answer.handle = reader.text();
      break;
    case kData: {
      const ByteView data = reader.bytes();
      answer.data.assign(data.begin(), data.end());
      break;
    }
    case kAttributes:
      answer.attributes = reader.attributes();
      break;
    case kExtendedReply:
      answer.space = reader.space();
      break;
    case kName:
      for (std::uint32_t n = reader.u32(); n > 0 && reader.good; --n) {
        SftpEntry entry;
        entry.name = reader.text();
        reader.bytes();  // the `ls -l` line
        entry.attributes = reader.attributes();
        if (reader.good && is_plain_name(entry.name)) answer.entries.push_back(std::move(entry));
      }
      break;
    default:
      reader.good = false;
  }
  if (!reader.good) return fail(ErrorCode::malformed, "the machine sent a broken SFTP packet");
  done(std::move(answer));
  return {};
}

Result<Sftp::Answer> Sftp::call(std::uint8_t type, const Writer& body) {
  std::optional<Answer> out;
  if (auto sent = send(type, body, [&](Answer answer) { out = std::move(answer); }); !sent) return fail(sent);
  while (!out) {
    if (auto pumped = pump(); !pumped) return fail(pumped);
  }
  return std::move(*out);
}

Result<> Sftp::send_open(const std::string& path, std::uint32_t flags, std::uint32_t mode, Done done) {
  Writer body;
  body.text(path).u32(flags).u32((flags & kCreate) != 0 ? 4 : 0);
  if ((flags & kCreate) != 0) body.u32(mode);
  return send(kOpen, body, std::move(done));
}
Result<> Sftp::send_write(const std::string& handle, std::uint64_t offset, ByteView data, Done done) {
  Writer body;
  body.bytes.reserve(handle.size() + data.size() + 16);
  return send(kWriteFile, body.text(handle).u64(offset).data(data), std::move(done));
}
Result<> Sftp::send_read(const std::string& handle, std::uint64_t offset, std::uint32_t size, Done done) {
  return send(kReadFile, Writer().text(handle).u64(offset).u32(size), std::move(done));
}
Result<> Sftp::send_set_time(const std::string& handle, std::uint32_t mode, std::uint32_t modified_s, Done done) {
  return send(kSetHandle, Writer().text(handle).u32(4 | 8).u32(mode).u32(modified_s).u32(modified_s), std::move(done));
}
Result<> Sftp::send_close(const std::string& handle, Done done) {
  return send(kClose, Writer().text(handle), std::move(done));
}

Result<SftpAttributes> Sftp::stat(const std::string& path) {
  auto answer = call(kStat, Writer().text(path));
  if (!answer) return fail(answer);
  if (!answer->status)
    return std::unexpected(Error{answer->status.error().code, path + ": " + answer->status.error().message});
  return answer->attributes;
}

Result<std::vector<SftpEntry>> Sftp::list(const std::string& path) {
  auto folder = call(kOpenFolder, Writer().text(path));
  if (!folder) return fail(folder);
  if (!folder->status)
    return std::unexpected(Error{folder->status.error().code, path + ": " + folder->status.error().message});
  std::vector<SftpEntry> out;
  while (true) {
    auto answer = call(kReadFolder, Writer().text(folder->handle));
    if (!answer) return fail(answer);
    if (answer->end_of_file) break;
    if (!answer->status) return fail(answer->status);
    for (auto& entry : answer->entries) out.push_back(std::move(entry));
    if (out.size() > kMaxTreeEntries) return fail(ErrorCode::too_large, path + ": holds more than a million files");
  }
  auto closed = call(kClose, Writer().text(folder->handle));
  if (!closed) return fail(closed);
  return out;
}

Result<> Sftp::make_folder(const std::string& path) {
  auto answer = call(kMakeFolder, Writer().text(path).u32(4).u32(0755));
  if (!answer) return fail(answer);
  if (answer->status) return {};
  const auto there = stat(path);  // version 3 does not say "exists"
  if (there && there->kind == SftpAttributes::Kind::folder) return {};
  return fail(answer->status.error().code, path + ": cannot make this folder: " + answer->status.error().message);
}

Result<> Sftp::rename(const std::string& from, const std::string& to) {
  auto answer = call(kRename, Writer().text(from).text(to));
  if (!answer) return fail(answer);
  if (answer->status) return {};
  // Version 3 does not replace: take the old one away first.
  if (auto removed = call(kRemove, Writer().text(to)); !removed) return fail(removed);
  answer = call(kRename, Writer().text(from).text(to));
  if (!answer) return fail(answer);
  if (!answer->status) return fail(answer->status.error().code, to + ": " + answer->status.error().message);
  return {};
}

Result<> Sftp::remove(const std::string& path) {
  auto answer = call(kRemove, Writer().text(path));
  if (!answer) return fail(answer);
  if (!answer->status) return fail(answer->status.error().code, path + ": " + answer->status.error().message);
  return {};
}

Result<std::optional<Space>> Sftp::space(const std::string& path) {
  if (!tells_space_) return std::nullopt;
  auto answer = call(kExtended, Writer().text(kTellSpace).text(path));
  if (!answer) return fail(answer);
  if (!answer->status) return fail(answer->status.error().code, path + ": " + answer->status.error().message);
  return answer->space;
}

}  // namespace hanse::cli
