#include "base/clock.hpp"

#include <sys/random.h>

#include <chrono>

#include "base/check.hpp"

namespace hanse {
namespace {

class SystemClock final : public Clock {
 public:
  Time now() override {
    using namespace std::chrono;
    return Time{duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
  }
  std::int64_t monotonic_ms() override {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

void system_random(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto got = getrandom(out.data() + done, out.size() - done, 0);
    HANSE_CHECK(got > 0);
    done += static_cast<std::size_t>(got);
  }
}

}  // namespace hanse
