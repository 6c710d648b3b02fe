// SPDX-License-Identifier: Apache-2.0
// What "dsmilctl batch" is given. Pure.
#pragma once

#include "dsmil/catalog.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmilctl {

struct BatchLine {
    const dsmil::CatalogDevice *device;
    dsmil::Register reg;
    std::optional<std::uint32_t> value; // of a write; none: a read
    std::string grant;                  // path of its file; empty: none
};

// Lines of "read DEVICE REGISTER" and "write DEVICE REGISTER VALUE [grant=FILE]"; a
// device's name is written with dashes; "#" begins a comment. 1 to DSMIL_BATCH_MAX
// operations. The error names the line.
[[nodiscard]] dsmil::Result<std::vector<BatchLine>> parse_batch(std::string_view text);

} // namespace dsmilctl
