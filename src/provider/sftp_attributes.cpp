#include "provider/sftp_attributes.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>

namespace hanse::provider {
namespace {

enum Flag : std::uint32_t { kSize = 1, kOwner = 2, kMode = 4, kTimes = 8, kMore = 0x80000000 };

char type_letter(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return 'd';
    case S_IFLNK:
      return 'l';
    case S_IFCHR:
      return 'c';
    case S_IFBLK:
      return 'b';
    case S_IFIFO:
      return 'p';
    case S_IFSOCK:
      return 's';
    default:
      return '-';
  }
}

std::string mode_letters(mode_t mode) {
  std::string out(1, type_letter(mode));
  for (int shift = 6; shift >= 0; shift -= 3) {
    const bool special = (mode & (shift == 6 ? S_ISUID : shift == 3 ? S_ISGID : S_ISVTX)) != 0;
    const bool execute = (mode >> shift & 1) != 0;
    const char mark = shift == 0 ? 't' : 's';
    out += (mode >> shift & 4) != 0 ? 'r' : '-';
    out += (mode >> shift & 2) != 0 ? 'w' : '-';
    out += special ? (execute ? mark : static_cast<char>(mark - 'a' + 'A')) : execute ? 'x' : '-';
  }
  return out;
}

std::string date(std::int64_t seconds) {
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  using namespace std::chrono;
  // Files may carry any 64-bit time; calendars end somewhere.
  constexpr std::int64_t kYear3000 = 32'503'680'000;
  const year_month_day day(
      floor<days>(sys_seconds(std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kYear3000)))));
  return fmt::format("{} {:2} {:5}", kMonths[static_cast<unsigned>(day.month()) - 1], static_cast<unsigned>(day.day()),
                     static_cast<int>(day.year()));
}

}  // namespace

SftpAttributes read_attributes(SftpReader& reader) {
  SftpAttributes out;
  const std::uint32_t flags = reader.u32();
  if ((flags & kSize) != 0) out.size = reader.u64();
  if ((flags & kOwner) != 0) {
    const std::uint32_t uid = reader.u32();
    out.owner = SftpAttributes::Owner{uid, reader.u32()};
  }
  if ((flags & kMode) != 0) out.mode = reader.u32();
  if ((flags & kTimes) != 0) {
    const std::uint32_t access_s = reader.u32();
    out.times = SftpAttributes::Times{access_s, reader.u32()};
  }
  if ((flags & kMore) != 0) {
    const std::uint32_t count = reader.u32();
    for (std::uint32_t i = 0; i < count && reader.good(); ++i) {
      reader.string();
      reader.string();
    }
  }
  return out;
}

void write_attributes(SftpReplies& out, const struct stat& status) {
  out.u32(kSize | kOwner | kMode | kTimes);
  out.u64(static_cast<std::uint64_t>(status.st_size));
  out.u32(status.st_uid);
  out.u32(status.st_gid);
  out.u32(status.st_mode);
  out.u32(static_cast<std::uint32_t>(status.st_atim.tv_sec));
  out.u32(static_cast<std::uint32_t>(status.st_mtim.tv_sec));
}

std::string long_name(const std::string& name, const struct stat& status) {
  return fmt::format("{} {:4} {:<8} {:<8} {:8} {} {}", mode_letters(status.st_mode), status.st_nlink, status.st_uid,
                     status.st_gid, status.st_size, date(status.st_mtim.tv_sec), name);
}

}  // namespace hanse::provider
