// SPDX-License-Identifier: Apache-2.0
// A software TPM for tests.
#pragma once

#include "support.hpp"

#include <string>
#include <sys/types.h>

namespace dsmil::test {

// swtpm on sockets that listen before it starts: who connects early waits.
class Swtpm {
  public:
    explicit Swtpm(const TempDir &directory, const std::string &name = "tpm");
    ~Swtpm() { stop(); }
    Swtpm(const Swtpm &) = delete;
    Swtpm &operator=(const Swtpm &) = delete;

    void stop();
    // As if the machine was reset; false when swtpm did not do it.
    [[nodiscard]] bool reset() const;
    // It answers nothing from now on, and takes connections all the same; then goes on.
    void hang() const;
    void go_on() const;
    [[nodiscard]] bool running() const { return running_; }
    [[nodiscard]] std::string tcti() const { return "swtpm:path=" + path_; }

  private:
    std::string path_;
    pid_t pid_ = 0;
    bool running_ = false;
};

// Runs a program of the host and gives its exit status; -1 when there is none.
// What it prints goes nowhere, or to `output`.
[[nodiscard]] int run_program(const std::vector<std::string> &arguments,
                              const std::string &output = "/dev/null");

} // namespace dsmil::test
