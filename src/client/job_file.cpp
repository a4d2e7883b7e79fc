#include "client/job_file.hpp"

#include <algorithm>
#include <charconv>

#include "client/image_reference.hpp"
#include "client/job_lists.hpp"
#include "client/job_resources.hpp"
#include "client/yaml.hpp"
#include "model/text.hpp"
#include "model/where.hpp"
#include "wire/codec.hpp"

namespace hanse::client {
namespace {

constexpr std::size_t kMaxScriptBytes = 64 * 1024;

const std::vector<std::string_view> kKeys{"name",         "image", "resources", "where",    "mode",      "env",
                                          "workdir",      "ports", "setup",     "run",      "max_price", "max_cost",
                                          "max_duration", "retry", "outputs",   "machines", "placement", "bid",
                                          "sealed",       "keep",  "notice"};

/// It goes into plans, tables and terminals.
bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// Reads one key of the job after the other; each function leaves alone what is not given.
struct JobReader {
  const yaml::Map& map;
  const std::filesystem::path& folder;
  const Environment& environment;
  JobFile& out;

  Result<> read_texts() {
    for (const auto& [key, field, limit] : {std::tuple{"name", &model::Job::name, std::size_t{64}},
                                            std::tuple{"image", &model::Job::image, std::size_t{512}},
                                            std::tuple{"setup", &model::Job::setup, kMaxScriptBytes},
                                            std::tuple{"run", &model::Job::run, kMaxScriptBytes}}) {
      auto text = map.text(key, limit);
      if (!text) return fail(text);
      out.job.*field = std::move(*text);
    }
    if (out.job.name.empty()) out.job.name = "job";
    if (!is_one_line(out.job.name)) {
      return yaml::refuse(*map.find("name"), "name must be plain text on one line, like \"name: train\"");
    }
    if (out.job.image.empty()) {
      return fail(ErrorCode::invalid_argument,
                  "image is missing: name the container to run, like \"image: debian:bookworm-slim\"");
    }
    if (parse_image(out.job.image)) return {};
    return yaml::refuse(*map.find("image"),
                        "image: this names no container image: write [host/]path[:tag], in lower case, like "
                        "debian:bookworm-slim or ghcr.io/org/app:1.2");
  }

  Result<> read_workdir() {
    if (const auto none = map.find_null("workdir")) {
      return yaml::refuse(*none, "workdir names no folder (~ means none in YAML): write one like ., or leave it out");
    }
    const auto node = map.find("workdir");
    if (!node) return {};
    const auto text = map.text("workdir", 4096);
    if (!text) return fail(text);
    std::error_code error;
    const auto path = std::filesystem::canonical(folder / *text, error);
    if (error || !std::filesystem::is_directory(path, error)) {
      const std::string shells = text->find_first_of("~$") == 0 ? "; a shell's ~ and $ are not filled in" : "";
      return yaml::refuse(*node, "workdir: there is no folder \"" + (folder / *text).string() + "\"" + shells,
                          ErrorCode::not_found);
    }
    out.workdir = path;
    out.job.wait_for_workdir = true;
    return {};
  }

  Result<> read_lists() {
    auto env = parse_env(map, environment);
    if (!env) return fail(env);
    auto ports = parse_ports(map);
    if (!ports) return fail(ports);
    auto outputs = parse_outputs(map);
    if (!outputs) return fail(outputs);
    out.job.env = std::move(*env);
    out.ports = std::move(*ports);
    out.job.outputs = std::move(*outputs);
    return {};
  }

  Result<> read_demand() {
    if (const auto node = map.find("resources")) {
      const auto resources = parse_resources(*node);
      if (!resources) return fail(resources);
      out.demand.where = resources->where;
      out.demand.gpu_count = resources->gpu_count;
      out.demand.disk_bytes = resources->disk_bytes;
      out.job.shm_bytes = resources->shm_bytes;
    }
    const auto node = map.find("where");
    const auto where = map.text("where", model::kMaxWhereBytes);
    if (!where) return fail(where);
    if (const auto parsed = model::parse_where(*where); node && !parsed) {
      return yaml::refuse(*node, "where", parsed.error());
    }
    if (!where->empty()) out.demand.where += (out.demand.where.empty() ? "" : " ") + *where;
    // Each may be right and both together impossible.
    const auto both = model::parse_where(out.demand.where);
    if (!both) return yaml::refuse(node ? *node : *map.find("resources"), "resources and where", both.error());
    return read_mode();
  }

  /// After outputs and disk: a job that has outputs keeps them, and what is kept needs a disk of its own.
  Result<> read_keep() {
    auto& demand = out.demand;
    demand.keep_s = out.job.outputs.empty() ? 0 : kDefaultKeepS;
    if (const auto node = map.find("keep")) {
      const auto text = map.text("keep", 64);
      if (!text) return fail(text);
      const auto seconds = *text == "0" ? Result<std::uint64_t>(0) : model::parse_duration_s(*text);
      if (!seconds) return yaml::refuse(*node, "keep", seconds.error());
      demand.keep_s = *seconds;
    }
    if (demand.keep_s > 0 && demand.disk_bytes == 0) demand.disk_bytes = model::kDefaultDiskBytes;
    return {};
  }

  Result<> read_mode() {
    const auto node = map.find("mode");
    if (!node) return {};
    const auto text = map.text("mode", 64);
    if (!text) return fail(text);
    const auto& names = model::Names<model::Mode>::names;
    const auto found = std::find(names.begin(), names.end(), *text);
    if (found == names.end()) return yaml::refuse(*node, "mode must be on_demand, spot or reserved");
    out.demand.mode = static_cast<model::Mode>(found - names.begin());
    return {};
  }

  Result<> read_bid() {
    const bool is_spot = out.demand.mode == model::Mode::spot;
    for (const auto key : {"bid", "sealed"}) {
      const auto node = map.find(key);
      if (node && !is_spot)
        return yaml::refuse(*node, std::string(key) + " is for spot: add \"mode: spot\", or leave it out");
    }
    if (auto read = read_money("bid", out.bid); !read) return read;
    const auto node = map.find("sealed");
    if (!node) return {};
    const auto text = map.text("sealed", 64);
    if (!text) return fail(text);
    if (*text != "true" && *text != "false") return yaml::refuse(*node, "sealed must be true or false");
    out.sealed = *text == "true";
    return {};
  }

  Result<> read_gang() {
    auto& demand = out.demand;
    if (const auto node = map.find("machines")) {
      const auto text = map.text("machines", 64);
      if (!text) return fail(text);
      const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), demand.machines);
      if (error != std::errc() || end != text->data() + text->size() || demand.machines == 0 ||
          demand.machines > model::kMaxMachines) {
        return yaml::refuse(*node, "machines must be a number from 1 to " + std::to_string(model::kMaxMachines));
      }
    }
    const auto node = map.find("placement");
    if (!node) return {};
    const auto text = map.text("placement", 64);
    if (!text) return fail(text);
    const auto& names = model::Names<model::Placement>::names;
    const auto found = std::find(names.begin(), names.end(), *text);
    if (found == names.end()) return yaml::refuse(*node, "placement must be anywhere, same_provider or same_country");
    demand.placement = static_cast<model::Placement>(found - names.begin());
    if (demand.machines > 1 || demand.placement == model::Placement::anywhere) return {};
    return yaml::refuse(*node, "placement is for several machines: add \"machines: 2\" or more, or leave it out");
  }

  Result<> read_money(std::string_view key, Money& to) {
    const auto node = map.find(key);
    if (!node) return {};
    const auto text = map.text(key, 64);
    if (!text) return fail(text);
    const auto money = model::parse_money(*text);
    if (!money) return yaml::refuse(*node, key, money.error());
    if (money->micros == 0)
      return yaml::refuse(*node,
                          std::string(key) + " is 0: " + (key == "bid" ? "bid more" : "leave it out for no ceiling"));
    to = *money;
    return {};
  }

  /// An image's own command is not started: a job that says none would sit there, and cost.
  [[nodiscard]] Result<> check_run() {
    if (out.job.run.find_first_not_of(" \t\r\n") != std::string::npos) return {};
    return fail(ErrorCode::invalid_argument,
                "run is missing: say what the job does, like \"run: python3 train.py\"; an empty machine to log in to "
                "is rented by 'hanse rent'");
  }

  Result<> read_duration() {
    const auto node = map.find("max_duration");
    if (!node) {
      return fail(ErrorCode::invalid_argument,
                  "max_duration is missing: say how long it may run at most, like \"max_duration: 1h\"");
    }
    const auto text = map.text("max_duration", 64);
    if (!text) return fail(text);
    const auto seconds = model::parse_duration_s(*text);
    if (!seconds) return yaml::refuse(*node, "max_duration", seconds.error());
    if (*seconds == 0) return yaml::refuse(*node, "max_duration must be longer than nothing");
    out.demand.duration_s = *seconds;
    return read_notice();
  }

  Result<> read_notice() {
    out.job.notice_s = model::usual_notice_s(out.demand.duration_s);
    const auto node = map.find("notice");
    if (!node) return {};
    const auto text = map.text("notice", 64);
    if (!text) return fail(text);
    const auto seconds = model::parse_duration_s(*text);
    if (!seconds) return yaml::refuse(*node, "notice", seconds.error());
    if (*seconds >= out.demand.duration_s) {
      return yaml::refuse(*node, "notice must be shorter than max_duration: it comes so long before the end");
    }
    out.job.notice_s = static_cast<std::uint32_t>(*seconds);
    return {};
  }

  Result<> read_retry() {
    const auto node = map.find("retry");
    if (!node) return {};
    const auto retry = yaml::Map::from(*node, "retry", {"on", "for"});
    if (!retry) return fail(retry);
    const auto reasons = retry->list("on", 8);
    if (!reasons) return fail(reasons);
    for (const auto& reason : *reasons) {
      if (reason.Scalar() == "no_capacity") {
        out.retry_on_no_capacity = true;
      } else if (reason.Scalar() == "interruption") {
        out.retry_on_interruption = true;
      } else {
        return yaml::refuse(reason,
                            "retry is on no_capacity or interruption, not \"" + reason.Scalar().substr(0, 80) + "\"");
      }
    }
    const auto text = retry->text("for", 64);
    if (!text) return fail(text);
    if (reasons->empty() || text->empty()) {
      return yaml::refuse(*node, "retry needs both, like {on: [no_capacity, interruption], for: 4h}");
    }
    const auto seconds = model::parse_duration_s(*text);
    if (!seconds) return yaml::refuse(*retry->find("for"), "retry: for", seconds.error());
    out.retry_for_s = *seconds;
    return {};
  }
};

}  // namespace

Result<JobFile> parse_job_file(std::string_view text, const std::filesystem::path& folder,
                               const Environment& environment) {
  const auto document = yaml::parse(text);
  if (!document) return fail(document);
  const auto map = yaml::Map::from(*document, "a job", kKeys);
  if (!map) return fail(map);
  JobFile out;
  JobReader reader{*map, folder, environment, out};
  for (const auto step : {&JobReader::read_texts, &JobReader::read_lists, &JobReader::read_workdir,
                          &JobReader::read_demand, &JobReader::read_keep, &JobReader::read_bid, &JobReader::read_gang,
                          &JobReader::read_duration, &JobReader::read_retry, &JobReader::check_run}) {
    if (auto ok = (reader.*step)(); !ok) return fail(ok);
  }
  if (auto ok = reader.read_money("max_price", out.demand.max_price_per_gpu_hour); !ok) return fail(ok);
  if (auto ok = reader.read_money("max_cost", out.demand.max_cost); !ok) return fail(ok);
  // What the machine could not read is refused before one is rented.
  const auto read_back = wire::decode<model::Job>(wire::encode(out.job));
  if (!read_back && read_back.error().code == ErrorCode::malformed) return fail(read_back);
  return out;
}

}  // namespace hanse::client
