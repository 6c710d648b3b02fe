// SPDX-License-Identifier: Apache-2.0
#include "api_client.hpp"
#include "command.hpp"
#include "new_file.hpp"
#include "output.hpp"

#include <format>

namespace dsmilctl {

dsmil::Result<int> run_audit_export(const Call &call, Output &out) {
    const auto &path = call.argument("FILE");
    auto file = NewFile::make(path);
    if (!file) {
        return std::unexpected(file.error());
    }
    const auto bytes =
        ApiClient(call.socket).download("/v1/ledger/export", file->fd(), std::chrono::seconds(120));
    if (!bytes) {
        return std::unexpected(bytes.error());
    }
    if (auto published = file->publish(); !published) {
        return std::unexpected(published.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"file", path}, {"bytes", *bytes}});
    } else {
        out.line(std::format("wrote {} ({} bytes)", path, *bytes));
    }
    return 0;
}

} // namespace dsmilctl
