// SPDX-License-Identifier: Apache-2.0
#include "dsmil/error.hpp"

#include <array>
#include <cstddef>
#include <system_error>

namespace dsmil {
namespace {

constexpr std::array infos = {
#define DSMIL_ERROR(code, exit, http, message, remedy) CodeInfo{#code, exit, http, message, remedy},
#include "dsmil/errors.def"
#undef DSMIL_ERROR
};

} // namespace

const CodeInfo &info(Code code) {
    return infos.at(static_cast<std::size_t>(code));
}

Code code_from_name(std::string_view name) {
    for (std::size_t i = 0; i < infos.size(); i++) {
        if (infos.at(i).name == name) {
            return static_cast<Code>(i);
        }
    }
    return Code::failed;
}

Error Error::in(std::string context) && {
    if (!detail.empty()) {
        causes.insert(causes.begin(), std::move(detail));
    }
    detail = std::move(context);
    return std::move(*this);
}

std::unexpected<Error> fail_errno(Code code, std::string detail, int number) {
    return fail(code, std::move(detail), {std::generic_category().message(number)});
}

} // namespace dsmil
