// SPDX-License-Identifier: Apache-2.0
// Looks after the TPM, each minute and whenever it is opened: was it reset, is
// it locked out, how much was written to it. For the TPM's own thread. Inner
// header of tpm/.
#pragma once

#include "tpm/status.hpp"
#include "tpm/timing.hpp"
#include "tpm/watch.hpp"

#include <string>
#include <vector>

namespace dsmil::tpm {

struct Look {
    Status status;
    std::vector<SecurityEvent> events;
};

class Health {
  public:
    Health(std::string state_dir, std::string null_name_path, const Timings &timings);

    // Keeps what it saw in the state directory, for the comparison with the next time.
    [[nodiscard]] Result<Look> look(Tpm &tpm);

  private:
    std::string state_dir_;
    std::string null_name_path_;
    std::string boot_id_;
    const Timings &timings_;
    std::uint64_t nv_writes_counted_ = 0; // of this life, and in the mark already
};

} // namespace dsmil::tpm
