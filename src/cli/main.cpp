#include "cli/cli.hpp"

int main(int argc, char** argv) {
  return hanse::cli::run(argc, argv);
}
