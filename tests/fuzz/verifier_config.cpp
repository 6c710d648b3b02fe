// SPDX-License-Identifier: Apache-2.0
// By the first byte: fleet.toml, verifierd.toml.
#include "base/bytes.hpp"
#include "verifierd/config.hpp"
#include "verifierd/rules.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    namespace verifierd = dsmil::verifierd;
    if (size == 0) {
        return 0;
    }
    const std::string_view text = dsmil::as_text({data + 1, size - 1});
    if (data[0] % 2 == 1) {
        const auto config = verifierd::parse_config(text, "input");
        if (!config && config.error().code != dsmil::Code::config_invalid) {
            std::abort();
        }
        return 0;
    }
    const auto fleet = verifierd::parse_fleet(
        text, "input", [](const std::string &path) -> dsmil::Result<std::string> { return path; });
    if (!fleet && fleet.error().code != dsmil::Code::config_invalid) {
        std::abort();
    }
    if (fleet) {
        for (const auto &rule : fleet->rules) {
            // Whatever a rule names, it takes.
            std::string name = rule.machines.front();
            for (char &c : name) {
                c = c == '*' ? 'x' : c;
            }
            if (fleet->rule_of(name) == nullptr) {
                std::abort();
            }
        }
    }
    return 0;
}
