// The helper of the gateway as a program of its own, so that tests and benchmarks need not link the whole command.

#include "provider/namespace_helper.hpp"

// A helper that entered a container cannot trace itself there: the leak check at its end would wait for ever.
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0";
}

int main(int count, char** arguments) {
  // Called as `PROGRAM namespace-helper …`, like the command itself.
  return count < 2 ? 2 : hanse::provider::run_namespace_helper(count - 2, arguments + 2);
}
