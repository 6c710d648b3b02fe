// SPDX-License-Identifier: Apache-2.0
#include "config/config.hpp"
#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto config = dsmil::parse_config(dsmil::as_text({data, size}), "input");
    if (!config && config.error().code != dsmil::Code::config_invalid) {
        std::abort();
    }
    return 0;
}
