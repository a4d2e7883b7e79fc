// hanse node: one node of a network, in the foreground.

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/node_host.hpp"

namespace hanse::cli {
namespace {

Outcome run_node(Context& context, const NodeHostOptions& options) {
  Interrupt interrupt;
  const auto node = NodeHost::start(options);
  if (!node) {
    return refuse(node.error(), node.error().code == ErrorCode::io
                                    ? "is something else using that port or folder? --listen HOST:PORT and --data DIR "
                                      "take others"
                                    : "");
  }
  if (context.json()) context.print_json({{"url", (*node)->url()}, {"network", (*node)->network()}});
  context.say("network " + (*node)->network() + " at " + (*node)->url() + "; Ctrl-C stops the node");
  while (!interrupt.wait(500)) {
    if (auto well = (*node)->health(); !well) return refuse(well.error(), "free the disk, then start the node again");
  }
  return 0;
}

}  // namespace

void add_node(Program& program) {
  auto options = std::make_shared<NodeHostOptions>();
  auto* command = program.add(program.app, "node", "Run a node",
                              "  hanse node --genesis genesis.yaml --data /var/lib/hanse --listen 0.0.0.0:7070\n");
  command->add_option("--genesis", options->genesis_file, "What the network starts from")
      ->required()
      ->type_name("FILE");
  command->add_option("--data", options->data_folder, "Where the ledger is kept")->required()->type_name("DIR");
  command->add_option("--listen", options->listen, "Address of the API (127.0.0.1:7070)")->type_name("HOST:PORT");
  command->add_option("--tls-cert", options->certificate_file, "Serve TLS with this certificate")->type_name("PEM");
  command->add_option("--tls-key", options->key_file, "and this key")->type_name("PEM");
  cors_option(command, options->cors_origins);
  program.on(command, [options, &program] { return run_node(program.context, *options); });
}

}  // namespace hanse::cli
