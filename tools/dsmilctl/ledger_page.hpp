// SPDX-License-Identifier: Apache-2.0
// Where commands get records from: dsmild, or a file of the ledger.
#pragma once

#include "command.hpp"
#include "dsmil/error.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace dsmilctl {

class RecordSource {
  public:
    // With --from that file, without asking dsmild.
    [[nodiscard]] static dsmil::Result<std::unique_ptr<RecordSource>> open(const Call &call);
    RecordSource() = default;
    virtual ~RecordSource() = default;
    RecordSource(const RecordSource &) = delete;
    RecordSource &operator=(const RecordSource &) = delete;

    struct Page {
        boost::json::array records; // as decode_records() has them
        std::uint64_t next = 0;     // the first that was not looked at
        bool complete = false;      // there is no such
    };
    // One page from record `first` on. `conditions` are those of GET /v1/ledger/search.
    [[nodiscard]] virtual dsmil::Result<Page> page(const std::map<std::string, std::string> &conditions,
                                                   std::uint64_t first, std::uint64_t limit) = 0;
};

// The value of a parameter as it goes into a target (RFC 3986 section 2.1).
[[nodiscard]] std::string percent_encode(std::string_view text);

} // namespace dsmilctl
