// SPDX-License-Identifier: Apache-2.0
#include "log_support.hpp"

#include "base/sha256.hpp"

#include <format>

namespace dsmil::test {
namespace {

using attest::HashAlg;

void put(Bytes &out, ByteView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_field(Bytes &out, ByteView field) {
    put_little(out, field.size(), 4);
    put(out, field);
}

ImaLine line_of(std::string_view path, const Hash &content, bool violation) {
    Bytes file_digest(as_bytes("sha256:").begin(), as_bytes("sha256:").end());
    file_digest.push_back(0);
    put(file_digest, content);
    Bytes name(as_bytes(path).begin(), as_bytes(path).end());
    name.push_back(0);
    Bytes data;
    put_field(data, file_digest);
    put_field(data, name);

    ImaLine line;
    const Bytes none(20);
    const auto hashed = attest::digest(HashAlg::sha1, data);
    const ByteView listed = violation ? ByteView(none) : hashed.view();
    line.ascii = std::format("10 {} ima-ng sha256:{} {}\n", to_hex(listed), to_hex(content), path);
    put_little(line.binary, 10, 4);
    put(line.binary, listed);
    put_field(line.binary, as_bytes("ima-ng"));
    put_field(line.binary, data);
    const auto extended = sha256(data);
    line.extended = violation ? Bytes(32, 0xFF) : Bytes(extended.begin(), extended.end());
    return line;
}

} // namespace

void put_little(Bytes &out, std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; i++) {
        out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
}

LogBuilder::LogBuilder(Form form) : form_(form) {
    if (form == Form::old) {
        return;
    }
    Bytes id;
    put(id, as_bytes(std::string_view("Spec ID Event03\0", 16)));
    put_little(id, 0, 4);          // platform class
    put_little(id, 0x02000200, 4); // version 2.0, no errata, UINTN of 64 bits
    put_little(id, 2, 4);
    for (const auto hash : {HashAlg::sha1, HashAlg::sha256}) {
        put_little(id, static_cast<std::uint16_t>(hash), 2);
        put_little(id, size_of(hash), 2);
    }
    id.push_back(0); // the vendor's
    put_little(bytes_, 0, 4);
    put_little(bytes_, 3, 4); // EV_NO_ACTION
    bytes_.resize(bytes_.size() + 20);
    put_field(bytes_, id);
}

LogBuilder &LogBuilder::event(unsigned pcr, std::uint32_t type, std::string_view data) {
    return event(pcr, type, data, data);
}

LogBuilder &LogBuilder::event(unsigned pcr, std::uint32_t type, std::string_view data,
                              std::string_view measured) {
    put_little(bytes_, pcr, 4);
    put_little(bytes_, type, 4);
    const auto sha1 = attest::digest(HashAlg::sha1, as_bytes(measured));
    if (form_ == Form::agile) {
        put_little(bytes_, 2, 4);
        put_little(bytes_, 4, 2);
        put(bytes_, sha1.view());
        put_little(bytes_, 0xB, 2);
        put(bytes_, sha256(as_bytes(measured)));
    } else {
        put(bytes_, sha1.view());
    }
    put_field(bytes_, as_bytes(data));
    return *this;
}

ImaLine ima_ng(std::string_view path, bool violation) {
    return line_of(path, violation ? Hash{} : sha256(as_bytes(path)), violation);
}

ImaLine ima_ng_of(std::string_view path, std::string_view content) {
    return line_of(path, sha256(as_bytes(content)), false);
}

Bytes extended_with(const std::vector<Bytes> &digests) {
    Hash value{};
    for (const auto &extension : digests) {
        value = sha256({value, extension});
    }
    return {value.begin(), value.end()};
}

} // namespace dsmil::test
