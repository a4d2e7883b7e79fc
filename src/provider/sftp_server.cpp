#include "provider/sftp_server.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace hanse::provider {
namespace {

constexpr std::uint32_t kVersion = 3;

enum Type : std::uint8_t {
  kInit = 1,
  kVersionReply = 2,
  kOpen = 3,
  kClose = 4,
  kRead = 5,
  kWrite = 6,
  kLstat = 7,
  kFstat = 8,
  kSetstat = 9,
  kFsetstat = 10,
  kOpendir = 11,
  kReaddir = 12,
  kRemove = 13,
  kMkdir = 14,
  kRmdir = 15,
  kRealpath = 16,
  kStat = 17,
  kRename = 18,
  kReadlink = 19,
  kSymlink = 20,
  kStatus = 101,
  kHandleReply = 102,
  kData = 103,
  kName = 104,
  kAttributes = 105,
  kExtended = 200
};

enum Status : std::uint32_t {
  kOk = 0,
  kEof = 1,
  kNoSuchFile = 2,
  kPermissionDenied = 3,
  kFailure = 4,
  kBadMessage = 5,
  kUnsupported = 8
};

enum OpenFlag : std::uint32_t {
  kForReading = 1,
  kForWriting = 2,
  kAppend = 4,
  kCreate = 8,
  kTruncate = 16,
  kExclusive = 32
};

Status status_of(int error) {
  switch (error) {
    case 0:
      return kOk;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EBADF:
      return kNoSuchFile;
    case EPERM:
    case EACCES:
    case EROFS:
      return kPermissionDenied;
    case ENAMETOOLONG:
      return kBadMessage;
    case ENOSYS:
    case EOPNOTSUPP:
      return kUnsupported;
    default:
      return kFailure;
  }
}

int open_flags(std::uint32_t wanted) {
  int flags = (wanted & kForWriting) == 0 ? O_RDONLY : (wanted & kForReading) != 0 ? O_RDWR : O_WRONLY;
  if ((wanted & kAppend) != 0) flags |= O_APPEND;
  if ((wanted & kCreate) != 0) flags |= O_CREAT;
  if ((wanted & kTruncate) != 0) flags |= O_TRUNC;
  if ((wanted & kExclusive) != 0) flags |= O_EXCL;
  // Opening a pipe must not wait for its other end: every other request would wait with it.
  return flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
}

}  // namespace

SftpServer::SftpServer() {
  std::array<char, 4096> folder{};
  home_ = ::getcwd(folder.data(), folder.size()) != nullptr ? folder.data() : "/";
}

bool SftpServer::answer(ByteView packet, SftpReplies& out) {
  SftpReader reader(packet);
  const std::uint8_t type = reader.u8();
  if (!greeted_) {
    // The client's own version and extensions do not matter: version 3 is the lowest that anybody speaks.
    greeted_ = type == kInit && reader.u32() >= kVersion && reader.good();
    if (greeted_) answer_version(out);
    return greeted_;
  }
  const std::uint32_t id = reader.u32();
  if (!reader.good() || type == kInit) return false;
  Request request{reader, out, id};
  const int result = dispatch(type, request);
  if (result != kAnswered) answer_status(request, result);
  return true;
}

int SftpServer::dispatch(std::uint8_t type, Request& request) {
  switch (type) {
    case kOpen:
      return open(request);
    case kClose:
      return close(request);
    case kRead:
      return read(request);
    case kWrite:
      return write(request);
    case kLstat:
      return status_of_path(request, false);
    case kFstat:
      return status_of_handle(request);
    case kSetstat:
      return set_attributes(request, true);
    case kFsetstat:
      return set_handle_attributes(request);
    case kOpendir:
      return open_folder(request);
    case kReaddir:
      return read_folder(request);
    case kRemove:
      return remove(request, false);
    case kMkdir:
      return make_folder(request);
    case kRmdir:
      return remove(request, true);
    case kRealpath:
      return real_path(request, false);
    case kStat:
      return status_of_path(request, true);
    case kRename:
      return rename(request, false);
    case kReadlink:
      return read_link(request);
    case kSymlink:
      return make_link(request, true);
    case kExtended:
      return extended(request);
    default:
      return EOPNOTSUPP;
  }
}

void SftpServer::answer_version(SftpReplies& out) const {
  out.begin(kVersionReply);
  out.u32(kVersion);
  for (const auto& [name, version] : {std::pair{"posix-rename@openssh.com", "1"},
                                      {"hardlink@openssh.com", "1"},
                                      {"fsync@openssh.com", "1"},
                                      {"lsetstat@openssh.com", "1"},
                                      {"statvfs@openssh.com", "2"},
                                      {"fstatvfs@openssh.com", "2"},
                                      {"limits@openssh.com", "1"},
                                      {"expand-path@openssh.com", "1"}}) {
    out.string(name);
    out.string(version);
  }
  out.end();
}

void SftpServer::answer_status(Request& request, int result) {
  Status status = kFailure;
  std::string_view text = "Success";
  switch (result) {
    case kMalformed:
      status = kBadMessage, text = "Malformed request";
      break;
    case kEndOfFile:
      status = kEof, text = "End of file";
      break;
    case kNoSuchHandle:
      status = kFailure, text = "No such handle";
      break;
    default:
      status = status_of(result);
      if (const char* words = ::strerrordesc_np(result); words != nullptr) text = words;
  }
  request.out.begin(kStatus);
  request.out.u32(request.id);
  request.out.u32(status);
  request.out.string(text);
  request.out.string("");
  request.out.end();
}

void SftpServer::answer_name(Request& request, std::string_view name) {
  request.out.begin(kName);
  request.out.u32(request.id);
  request.out.u32(1);
  request.out.string(name);
  request.out.string(name);
  request.out.u32(0);
  request.out.end();
}

void SftpServer::answer_attributes(Request& request, const struct stat& status) {
  request.out.begin(kAttributes);
  request.out.u32(request.id);
  write_attributes(request.out, status);
  request.out.end();
}

SftpServer::Handle* SftpServer::find(ByteView name) {
  SftpReader reader(name);
  const std::uint32_t index = reader.u32(), generation = reader.u32();
  if (!reader.at_end() || index >= handles_.size()) return nullptr;
  Handle& handle = handles_[index];
  return handle.is_open() && handle.generation == generation ? &handle : nullptr;
}

SftpServer::Handle* SftpServer::free_handle() {
  const auto it = std::find_if(handles_.begin(), handles_.end(), [](const Handle& h) { return !h.is_open(); });
  return it == handles_.end() ? nullptr : &*it;
}

int SftpServer::give_handle(Request& request, Handle& handle) {
  request.out.begin(kHandleReply);
  request.out.u32(request.id);
  request.out.u32(8);
  request.out.u32(static_cast<std::uint32_t>(&handle - handles_.data()));
  request.out.u32(++handle.generation);
  request.out.end();
  return kAnswered;
}

int SftpServer::open(Request& request) {
  const std::string path = request.reader.path();
  const std::uint32_t flags = request.reader.u32();
  const SftpAttributes attributes = read_attributes(request.reader);
  if (!request.reader.good()) return kMalformed;
  Handle* handle = free_handle();
  if (handle == nullptr) return EMFILE;
  handle->file = Descriptor(::open(path.c_str(), open_flags(flags), attributes.mode.value_or(0666) & 07777));
  return handle->file ? give_handle(request, *handle) : errno;
}

int SftpServer::close(Request& request) {
  Handle* handle = find(request.reader.string());
  if (handle == nullptr) return kNoSuchHandle;
  handle->folder.reset();
  // Some file systems tell only now that what was written could not be kept.
  const int fd = handle->file.release();
  return fd < 0 || ::close(fd) == 0 ? 0 : errno;
}

int SftpServer::read(Request& request) {
  Handle* handle = find(request.reader.string());
  const std::uint64_t offset = request.reader.u64();
  const std::uint32_t size = std::min(request.reader.u32(), kMaxSftpData);
  if (!request.reader.good() || offset > INT64_MAX) return kMalformed;
  if (handle == nullptr || !handle->file) return kNoSuchHandle;
  SftpReplies& out = request.out;
  out.begin(kData);
  out.u32(request.id);
  out.u32(0);
  const std::size_t length_at = out.position() - 4;
  std::uint8_t* data = out.space(size);
  ssize_t n = ::pread(handle->file.get(), data, size, static_cast<off_t>(offset));
  // Pipes and devices have no positions.
  if (n < 0 && errno == ESPIPE) n = ::read(handle->file.get(), data, size);
  if (n <= 0) {
    const int error = errno;
    out.cancel();
    return n == 0 && size > 0 ? kEndOfFile : n == 0 ? 0 : error;
  }
  out.give_back(size - static_cast<std::size_t>(n));
  out.set_u32(length_at, static_cast<std::uint32_t>(n));
  out.end();
  return kAnswered;
}

int SftpServer::write(Request& request) {
  Handle* handle = find(request.reader.string());
  std::uint64_t offset = request.reader.u64();
  ByteView data = request.reader.string();
  if (!request.reader.good() || offset > INT64_MAX - data.size()) return kMalformed;
  if (handle == nullptr || !handle->file) return kNoSuchHandle;
  while (!data.empty()) {
    ssize_t n = ::pwrite(handle->file.get(), data.data(), data.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == ESPIPE) n = ::write(handle->file.get(), data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    offset += static_cast<std::uint64_t>(n);
    data = data.subspan(static_cast<std::size_t>(n));
  }
  return 0;
}

int serve_sftp(int in, int out) {
  constexpr std::size_t kCapacity = 2 * (std::size_t{kMaxSftpPacket} + 4);
  const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(kCapacity);
  const auto server = std::make_unique<SftpServer>();
  SftpReplies replies;
  std::size_t begin = 0, end = 0;
  while (true) {
    while (end - begin >= 4) {
      const std::uint32_t length = SftpReader({buffer.get() + begin, 4}).u32();
      if (length == 0 || length > kMaxSftpPacket) return 1;
      if (end - begin - 4 < length) break;
      if (!server->answer({buffer.get() + begin + 4, length}, replies)) return 1;
      begin += 4 + std::size_t{length};
      if (replies.full()) {
        if (!write_all(out, replies.bytes())) return 1;
        replies.clear();
      }
    }
    if (!write_all(out, replies.bytes())) return 1;
    replies.clear();
    // The rest of a packet moves to the front only where it would not fit behind itself.
    if (begin == end) begin = end = 0;
    if (begin > kCapacity / 2) {
      std::memmove(buffer.get(), buffer.get() + begin, end - begin);
      end -= begin;
      begin = 0;
    }
    const ssize_t n = ::read(in, buffer.get() + end, kCapacity - end);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 || begin != end ? 1 : 0;
    end += static_cast<std::size_t>(n);
  }
}

}  // namespace hanse::provider
