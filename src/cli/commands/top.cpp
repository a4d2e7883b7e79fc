// hanse top [LEASE]: what a lease's processor, memory and GPUs are doing.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/lease_link.hpp"
#include "cli/progress.hpp"
#include "cli/table.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

constexpr std::size_t kMaxLeases = 16;
constexpr std::size_t kMaxFrameBytes = 64 * 1024;
constexpr int kFirstSampleMs = 10'000;

/// One lease's stream of samples.
struct Source {
  model::LeaseId lease;
  std::unique_ptr<SshSession> session;
  std::unique_ptr<SshChannel> channel;
  std::string text;
  nlohmann::json sample;
  bool ended = false;
};

/// Takes what has arrived; true if there is a new sample.
bool take(Source& source) {
  std::array<std::uint8_t, 4096> buffer;
  bool fresh = false;
  while (!source.ended) {
    const auto n = source.channel->read_now(buffer.data(), buffer.size());
    if (!n || !source.session->tick(*n > 0) || (*n == 0 && source.channel->at_end()) ||
        source.text.size() > kMaxFrameBytes) {
      source.ended = true;
      break;
    }
    if (*n == 0) break;
    source.text.append(reinterpret_cast<const char*>(buffer.data()), *n);
    for (auto end = source.text.find('\n'); end != std::string::npos; end = source.text.find('\n')) {
      if (auto parsed = wire::parse_json(std::string_view(source.text).substr(0, end)); parsed && parsed->is_object()) {
        source.sample = std::move(*parsed);
        source.sample["lease"] = model::format_id(source.lease);
        fresh = true;
      }
      source.text.erase(0, end + 1);
    }
  }
  return fresh;
}

std::string number(const nlohmann::json& from, const char* key, const char* unit) {
  const auto found = from.find(key);
  return found == from.end() || !found->is_number() ? "" : fmt::format("{:.0f}{}", found->get<double>(), unit);
}

std::string bytes(const nlohmann::json& from, const char* key) {
  const auto found = from.find(key);
  return found == from.end() || !found->is_number_unsigned() ? "" : rough_size(found->get<std::uint64_t>());
}

std::string table_of(const std::vector<Source>& sources, bool color) {
  Table table({{"LEASE"},
               {"CPU", Align::right},
               {"MEMORY", Align::right},
               {"OF", Align::right},
               {"PROCESSES", Align::right},
               {"GPU USE"},
               {"GPU MEMORY"}});
  for (const auto& source : sources) {
    std::string use, memory;
    if (const auto gpus = source.sample.find("gpus"); gpus != source.sample.end() && gpus->is_array()) {
      for (const auto& gpu : *gpus) {
        use += (use.empty() ? "" : " ") + number(gpu, "utilization_percent", "%");
        memory += (memory.empty() ? "" : " + ") + bytes(gpu, "memory_bytes");
      }
    }
    table.add({model::format_id(source.lease), source.ended ? "ended" : number(source.sample, "cpu_percent", "%"),
               bytes(source.sample, "memory_bytes"), bytes(source.sample, "memory_limit_bytes"),
               number(source.sample, "pids", ""), use, memory},
              source.ended ? Style::dim : Style::plain);
  }
  return table.text(color);
}

Result<std::vector<Source>> open_sources(Context& context, model::LeaseId lease, const StopSource& stop) {
  std::vector<model::LeaseId> ids;
  if (lease) {
    ids.push_back(lease);
  } else {
    const auto me = context.address();
    if (!me) return fail(me);
    const auto api = context.api();
    if (!api) return fail(api);
    const auto live = (*api)->leases("consumer", *me, "live", kMaxLeases);
    if (!live) return fail(live);
    for (const auto& view : *live) {
      if (view.lease.state == model::LeaseState::running) ids.push_back(view.lease.id);
    }
  }
  std::vector<Source> sources;
  for (const auto id : ids) {
    auto session = open_lease(context, id, stop);
    if (!session && !lease) {  // one that is not to be reached hides no other
      context.say(model::format_id(id) + ": " + printable(session.error().message));
      continue;
    }
    if (!session) return fail(session);
    auto channel = (*session)->subsystem("hanse-stats");
    if (!channel) return fail(channel);
    sources.push_back({id, std::move(*session), std::move(*channel), {}, {}, false});
  }
  return sources;
}

Outcome top(Context& context, model::LeaseId lease, bool once) {
  Interrupt interrupt;
  const StopSource stop(interrupt);
  auto sources = open_sources(context, lease, stop);
  if (interrupt.count() > 0) return kInterrupted;
  if (!sources) return refuse(sources.error());
  if (sources->empty()) {
    context.say("no running leases");
    if (context.json()) context.print_json({{"leases", nlohmann::json::array()}});
    return 0;
  }
  once = once || !context.terminal.out_tty;
  std::size_t lines = 0;
  const auto until = system_clock().monotonic_ms() + kFirstSampleMs;
  while (true) {
    bool fresh = false, all = true, live = false;
    for (auto& source : *sources) {
      fresh = take(source) || fresh;
      all = all && (source.ended || !source.sample.is_null());
      live = live || !source.ended;
    }
    if (once && (all || system_clock().monotonic_ms() > until)) break;
    if (!once && fresh) {
      const std::string text = table_of(*sources, context.terminal.out_color);
      context.print((lines > 0 ? "\x1b[" + std::to_string(lines) + "A\x1b[J" : "") + text);
      lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    }
    if (!live) break;
    if (interrupt.wait(100)) return 0;
  }
  if (once && context.json()) {
    nlohmann::json items = nlohmann::json::array();
    for (const auto& source : *sources) {
      if (!source.sample.is_null()) items.push_back(source.sample);
    }
    context.print_json({{"leases", items}});
  } else if (once) {
    context.print(table_of(*sources, context.terminal.out_color));
  }
  return 0;
}

}  // namespace

void add_top(Program& program) {
  auto lease = std::make_shared<model::LeaseId>();
  auto once = std::make_shared<bool>(false);
  auto* command = program.add(program.app, "top", "Show what leases use: processor, memory, GPUs",
                              "  hanse top\n  hanse top lease-7 --once\n");
  lease_option(command, "lease", *lease, "Which; without it, all that run");
  command->add_flag("--once", *once, "One sample and no more (as where stdout is no terminal)");
  program.on(command, [=, &program] { return top(program.context, *lease, *once || program.context.json()); });
}

}  // namespace hanse::cli
