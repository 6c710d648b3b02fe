// SPDX-License-Identifier: Apache-2.0
#include "kernel_error.hpp"

#include "dsmil/catalog.hpp"

#include <cerrno>
#include <format>
#include <grp.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>

namespace dsmil {
namespace {

std::string words(int number) {
    return std::generic_category().message(number);
}

Error error(Code code, std::string detail, int number) {
    return Error{code, std::move(detail), {words(number)}};
}

std::string group_name(gid_t gid) {
    const auto *entry = ::getgrgid(gid);
    return entry != nullptr ? entry->gr_name : std::format("{}", gid);
}

Code code_of(int number) {
    switch (number) {
    case EACCES:
    case EPERM:
        return Code::permission;
    case EIO:
        return Code::firmware_failed;
    case ENXIO:
        return Code::firmware_unsupported;
    case ENODEV:
        return Code::firmware_gone;
    case E2BIG:
    case ENOTTY:
        return Code::abi_mismatch;
    case ERANGE:
        return Code::register_unknown;
    case EBUSY:
        return Code::conflict;
    case EAGAIN:
    case EINTR:
        return Code::try_again;
    case EINVAL:
    case EFAULT:
        return Code::internal;
    default:
        return Code::failed;
    }
}

// "is quarantined" ..., for the risk numbers of the ABI.
std::string is_risk(std::uint32_t risk) {
    return risk <= DSMIL_RISK_QUARANTINED ? std::format("is {}", name(static_cast<Risk>(risk)))
                                          : std::format("has the unknown risk {}", risk);
}

// What is wrong with a grant; empty for a reason that is not about one.
std::string_view fault_of_grant(std::uint32_t reason) {
    switch (reason) {
    case DSMIL_REASON_GRANT_MALFORMED:
        return "it is malformed";
    case DSMIL_REASON_GRANT_KEY_UNKNOWN:
        return "a signer's key is not enrolled";
    case DSMIL_REASON_GRANT_BAD_SIGNATURE:
        return "a signature is not its signer's";
    case DSMIL_REASON_GRANT_SIGNERS:
        return "two keys of two owners must sign it";
    case DSMIL_REASON_GRANT_EXPIRED:
        return "it has expired";
    case DSMIL_REASON_GRANT_TOO_LONG:
        return "it lives for more than 300 seconds";
    case DSMIL_REASON_GRANT_OTHER_LOAD:
        return "it was made for another load of the module";
    case DSMIL_REASON_GRANT_OTHER_FIRMWARE:
        return "it was made for another firmware";
    case DSMIL_REASON_GRANT_OTHER_REGISTER:
        return "it was made for another register";
    case DSMIL_REASON_GRANT_OTHER_USER:
        return "it was made for another user";
    case DSMIL_REASON_GRANT_VALUE:
        return "it was made for another value";
    case DSMIL_REASON_GRANT_OLD_VALUE:
        return "the register does not hold the value that it expects";
    case DSMIL_REASON_GRANT_REPLAYED:
        return "it was used before";
    case DSMIL_REASON_GRANT_STORE_FULL:
        return "this load of the module keeps no more grants";
    default:
        return {};
    }
}

// The rule that refused, as a sentence about its token.
Error refusal(std::uint16_t token, const dsmil_reg_write &answer) {
    const auto asked = describe_token(token);
    const auto rule_token = static_cast<std::uint16_t>(answer.rule_token);
    const auto rule = describe_token(rule_token);
    if (const auto fault = fault_of_grant(answer.reason); !fault.empty()) {
        return {Code::refused_grant, std::format("the grant for {}: {}", asked, fault), {}};
    }
    switch (answer.reason) {
    case DSMIL_REASON_QUARANTINED:
        return {Code::refused_quarantined, std::format("{} is quarantined", asked), {}};
    case DSMIL_REASON_QUARANTINED_AS_ID:
        return {Code::refused_quarantined_as_id,
                std::format("{}, read as a device id, is {}, which {}", asked, describe_id(token),
                            is_risk(answer.rule_risk)),
                {}};
    case DSMIL_REASON_ALIAS:
        return {
            Code::refused_alias,
            std::format("{} shares its location with {}, which {}", asked, rule, is_risk(answer.rule_risk)),
            {}};
    case DSMIL_REASON_LOCKED:
        return {Code::refused_locked, std::format("{} is locked", asked), {}};
    case DSMIL_REASON_LOCATION_UNKNOWN:
        return {Code::refused_location_unknown, std::format("{} has no stable location", asked), {}};
    case DSMIL_REASON_GRANT_REQUIRED:
        return {Code::refused_grant_required, std::format("{} {}", asked, is_risk(answer.rule_risk)), {}};
    case DSMIL_REASON_CAPABILITY_REQUIRED:
        return {Code::capability_required,
                std::format("{} is safe, and a write to it needs CAP_SYS_RAWIO", asked),
                {}};
    case DSMIL_REASON_NOT_A_REGISTER:
        return {Code::register_unknown, std::format("token 0x{:04X} is not a register", token), {}};
    case DSMIL_REASON_GRANT_UNSUPPORTED:
        return {Code::refused_grant_unsupported, std::format("the grant for {}", asked), {}};
    case DSMIL_REASON_GRANT_UNCHECKED:
        return {Code::refused_grant_unchecked, std::format("the grant for {}", asked), {}};
    case DSMIL_REASON_READ_ONLY:
        return {Code::refused_read_only, std::format("writing {}", asked), {}};
    case DSMIL_REASON_ALLOWED: // The guard was not asked: a security module or a seccomp filter said no.
        return error(Code::permission, std::format("writing {}", asked), EPERM);
    default:
        return {Code::abi_mismatch,
                std::format("{}: the guard refuses for reason {}, which this program does not know", asked,
                            answer.reason),
                {}};
    }
}

} // namespace

Error open_error(const std::string &node, int number) {
    if (number == ENOENT) {
        return error(Code::module_missing, std::format("{} is not there", node), number);
    }
    if (number == EACCES || number == EPERM) {
        struct stat status{};
        if (::stat(node.c_str(), &status) == 0) {
            return error(Code::permission,
                         std::format("{} belongs to group {} (mode {:04o})", node, group_name(status.st_gid),
                                     status.st_mode & 07777U),
                         number);
        }
    }
    return error(code_of(number), std::format("opening {}", node), number);
}

Error ioctl_error(const std::string &what, int number) {
    return error(code_of(number), what, number);
}

Error write_error(std::uint16_t token, const dsmil_reg_write &answer, int number) {
    const auto what = std::format("writing {}", describe_token(token));
    switch (number) {
    case EPERM: {
        auto refused = refusal(token, answer);
        if (answer.reason != DSMIL_REASON_ALLOWED && answer.sequence != 0) {
            refused.causes.push_back(std::format("audit record {} keeps the refusal", answer.sequence));
        }
        return refused;
    }
    case EAGAIN:
        return error(Code::audit_full, std::format("{}: nothing was done", what), number);
    case EBADF:
        return error(Code::permission, std::format("{}: the node was opened for reading only", what), number);
    default:
        return ioctl_error(what, number);
    }
}

} // namespace dsmil
