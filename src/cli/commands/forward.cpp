// hanse forward LEASE PORT[:PORT]...

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/command.hpp"
#include "cli/forwarder.hpp"
#include "cli/interrupt.hpp"
#include "cli/lease_link.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

constexpr int kCheckMs = 1000;

/// What may be over in a moment.
bool is_passing(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
}

Outcome forward(Context& context, model::LeaseId lease, const std::vector<std::string>& texts) {
  std::vector<PortPair> ports;
  for (const auto& text : texts) {
    const auto pair = parse_ports(text);
    if (!pair) return refuse(pair.error());
    ports.push_back(*pair);
  }
  Interrupt interrupt;
  const StopSource outer(interrupt);
  const LeaseWatch watch(context, lease, outer);
  bool told = false;
  for (int pause_ms = 500;; pause_ms = std::min(pause_ms * 2, 10'000)) {
    auto session = open_lease(context, lease, watch.stop());
    if (interrupt.count() > 0) return 0;
    const bool may_pass = !session && told && is_passing(session.error());
    if (!session && !may_pass) return refuse(why_broken(context, lease, watch, session.error()));
    if (session) {
      auto forwarder = Forwarder::start(std::move(*session), ports, watch.stop());
      if (!forwarder) return refuse(forwarder.error());
      if (!std::exchange(told, true)) {
        nlohmann::json list = nlohmann::json::array();
        for (const auto& pair : (*forwarder)->ports()) {
          list.push_back({{"local", pair.local}, {"remote", pair.remote}});
          context.say("http://localhost:" + std::to_string(pair.local) + " leads to port " +
                      std::to_string(pair.remote) + " of " + model::format_id(lease));
        }
        context.say("Ctrl-C ends the forward; the lease goes on.");
        if (context.json()) context.print_json({{"forwards", list}});
      }
      ports = (*forwarder)->ports();
      pause_ms = 250;
      while ((*forwarder)->is_alive()) {
        if (interrupt.wait(kCheckMs)) return 0;
      }
      if (watch.lease_has_ended()) continue;  // which the next look at it says
      context.say("the connection to the machine broke off; connecting again");
    }
    if (interrupt.wait(pause_ms)) return 0;
  }
}

}  // namespace

void add_forward(Program& program) {
  auto lease = std::make_shared<model::LeaseId>();
  auto ports = std::make_shared<std::vector<std::string>>();
  auto* command = program.add(program.app, "forward", "Make ports of a lease reachable here",
                              "  hanse forward lease-7 8888          http://localhost:8888\n"
                              "  hanse forward lease-7 8080:80 6006\n");
  lease_option(command, "lease", *lease, "Which")->required();
  command->add_option("ports", *ports, "PORT, or HERE:THERE")->required()->expected(1, 16)->type_name("PORT[:PORT]");
  program.on(command, [=, &program] { return forward(program.context, *lease, *ports); });
}

}  // namespace hanse::cli
