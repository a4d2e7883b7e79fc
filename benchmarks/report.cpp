#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench.hpp"

namespace hanse::bench {

void report(const Figure& figure) {
  nlohmann::ordered_json line{{"name", figure.name}, {"value", figure.value}, {"unit", figure.unit}};
  if (!figure.baseline.empty()) line["baseline"] = figure.baseline;
  if (figure.ratio != 0) line["ratio"] = figure.ratio;
  if (!figure.goal.empty()) line["goal"] = figure.goal;
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

}  // namespace hanse::bench
