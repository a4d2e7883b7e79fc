// Any text at all: the parser must read or refuse it, and what it reads must mean the same once written out.

#include "model/where.hpp"

#include "fuzz/fuzz.hpp"

std::vector<hanse::Bytes> hanse::fuzz::seeds() {
  std::vector<Bytes> out;
  for (const std::string_view text :
       {"gpu in [H100,A100] vram>=80GB reliability>0.99", "country in [EU] inet_down>=500Mbps", "price<=2.50 verified",
        "gpus>=2 and cpu>=8 memory>=64GiB disk>=200GB", "cuda>=12.4 duration>=12h kind=gpu",
        "machine not in [a,b] provider!=x driver=550"}) {
    out.emplace_back(text.begin(), text.end());
  }
  return out;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto where = hanse::model::parse_where({reinterpret_cast<const char*>(data), size});
  if (!where) return 0;
  for (auto constraint : *where) {
    const auto again = hanse::model::parse_where(hanse::model::format_constraint(constraint));
    if (!again || again->size() != 1) std::abort();
    auto same = again->front();
    same.offset = constraint.offset;
    same.length = constraint.length;
    if (same != constraint) std::abort();
  }
  return 0;
}
