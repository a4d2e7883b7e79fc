#pragma once

// The `hanse` command.

namespace hanse::cli {

/// Parses the arguments, runs one command, prints its errors; the process's exit code (docs/cli.md lists them).
int run(int argc, char** argv);

}  // namespace hanse::cli
