// SPDX-License-Identifier: Apache-2.0
// Events in words, from data that their digest covers and nothing else
// (go-attestation's disclosure of 2023 shows what trusting the rest leads to).
#include "attest/event_log.hpp"
#include "attest/event_type.hpp"
#include "attest/reader.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <optional>

namespace dsmil::attest {
namespace {

constexpr std::size_t max_text = 160;

struct TypeName {
    std::uint32_t type;
    std::string_view name;
};

constexpr std::array type_names = std::to_array<TypeName>({
    {0x00, "EV_PREBOOT_CERT"},
    {0x01, "EV_POST_CODE"},
    {0x02, "EV_UNUSED"},
    {0x03, "EV_NO_ACTION"},
    {0x04, "EV_SEPARATOR"},
    {0x05, "EV_ACTION"},
    {0x06, "EV_EVENT_TAG"},
    {0x07, "EV_S_CRTM_CONTENTS"},
    {0x08, "EV_S_CRTM_VERSION"},
    {0x09, "EV_CPU_MICROCODE"},
    {0x0A, "EV_PLATFORM_CONFIG_FLAGS"},
    {0x0B, "EV_TABLE_OF_DEVICES"},
    {0x0C, "EV_COMPACT_HASH"},
    {0x0D, "EV_IPL"},
    {0x0E, "EV_IPL_PARTITION_DATA"},
    {0x0F, "EV_NONHOST_CODE"},
    {0x10, "EV_NONHOST_CONFIG"},
    {0x11, "EV_NONHOST_INFO"},
    {0x12, "EV_OMIT_BOOT_DEVICE_EVENTS"},
    {0x13, "EV_POST_CODE2"},
    {0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
    {0x80000002, "EV_EFI_VARIABLE_BOOT"},
    {0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION"},
    {0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER"},
    {0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
    {0x80000006, "EV_EFI_GPT_EVENT"},
    {0x80000007, "EV_EFI_ACTION"},
    {0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
    {0x80000009, "EV_EFI_HANDOFF_TABLES"},
    {0x8000000A, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
    {0x8000000B, "EV_EFI_HANDOFF_TABLES2"},
    {0x8000000C, "EV_EFI_VARIABLE_BOOT2"},
    {0x8000000D, "EV_EFI_GPT_EVENT2"},
    {0x80000010, "EV_EFI_HCRTM_EVENT"},
    {0x800000E0, "EV_EFI_VARIABLE_AUTHORITY"},
    {0x800000E1, "EV_EFI_SPDM_FIRMWARE_BLOB"},
    {0x800000E2, "EV_EFI_SPDM_FIRMWARE_CONFIG"},
    {0x800000E3, "EV_EFI_SPDM_DEVICE_POLICY"},
    {0x800000E4, "EV_EFI_SPDM_DEVICE_AUTHORITY"},
});

char printable(unsigned letter) {
    return letter >= ' ' && letter <= '~' ? static_cast<char>(letter) : '?';
}

std::string ascii(ByteView data) {
    while (!data.empty() && data.back() == 0) {
        data = data.first(data.size() - 1);
    }
    std::string text;
    for (const std::uint8_t byte : data.first(std::min(data.size(), max_text))) {
        text += printable(byte);
    }
    return text + (data.size() > max_text ? "..." : "");
}

std::string utf16(ByteView data) {
    LittleReader reader(data);
    std::string text;
    while (text.size() < max_text) {
        const auto letter = reader.number<std::uint16_t>();
        if (!reader.ok() || letter == 0) {
            break;
        }
        text += printable(letter);
    }
    return text;
}

// Boot loaders write either.
std::string text(ByteView data) {
    const bool wide =
        data.size() >= 4 && data.size() % 2 == 0 && data[0] != 0 && data[1] == 0 && data[3] == 0;
    return wide ? utf16(data) : ascii(data);
}

// EFI_GUID: its first three fields are numbers.
std::string guid(LittleReader &reader) {
    const auto first = reader.number<std::uint32_t>();
    const auto second = reader.number<std::uint16_t>();
    const auto third = reader.number<std::uint16_t>();
    const std::string rest = to_hex(reader.take(8));
    return std::format("{:08x}-{:04x}-{:04x}-{}-{}", first, second, third, rest.substr(0, 4),
                       rest.size() > 4 ? rest.substr(4) : "");
}

// UEFI_VARIABLE_DATA.
std::string variable(ByteView data) {
    LittleReader reader(data);
    const std::string vendor = guid(reader);
    const auto letters = reader.number<std::uint64_t>();
    const auto size = reader.number<std::uint64_t>();
    if (!reader.ok() || letters > reader.rest().size() / 2) {
        return "not the data of a variable";
    }
    const std::string name = utf16(reader.take(letters * 2));
    if (reader.rest().size() != size) {
        return "not the data of a variable";
    }
    const ByteView value = reader.rest();
    return std::format("variable {} of {}: {}{}", name, vendor, value.size() <= 8 ? to_hex(value) : "",
                       value.size() <= 8 ? "" : std::format("{} bytes", value.size()));
}

std::string words(const Event &event) {
    switch (event.type) {
    case event_type::separator:
        return "the separator";
    case event_type::s_crtm_version:
        return "version " + utf16(event.data);
    case event_type::action:
    case event_type::efi_action:
    case event_type::ipl:
    case event_type::post_code:
        return text(event.data);
    case event_type::efi_variable_driver_config:
    case event_type::efi_variable_boot:
    case event_type::efi_variable_boot2:
    case event_type::efi_variable_authority:
        return variable(event.data);
    case event_type::efi_gpt_event:
        return std::format("partition table, {} bytes", event.data.size());
    default:
        return std::format("{} bytes", event.data.size());
    }
}

} // namespace

std::string_view event_type_name(std::uint32_t type) {
    const auto *const found = std::ranges::find(type_names, type, &TypeName::type);
    return found == type_names.end() ? std::string_view{} : found->name;
}

bool is_error_separator(const Event &event) {
    static constexpr std::array<std::uint8_t, 4> error = {1, 0, 0, 0};
    static constexpr std::array banks = {HashAlg::sha1, HashAlg::sha256, HashAlg::sha384, HashAlg::sha512};
    const auto *const bank =
        std::ranges::find_if(banks, [&](HashAlg alg) { return size_of(alg) == event.digest.size(); });
    return event.type == event_type::separator && bank != banks.end() && digest(*bank, error) == event.digest;
}

std::string describe(const Event &event) {
    if (!event.extended) {
        return "not measured";
    }
    if (is_error_separator(event)) {
        return "the separator of an error: measuring failed";
    }
    return event.covered ? words(event) : "not covered by its digest";
}

} // namespace dsmil::attest
