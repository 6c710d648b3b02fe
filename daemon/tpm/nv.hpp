// SPDX-License-Identifier: Apache-2.0
// The TPM's own memory. It wears out: some chips bear 100,000 writes of a place.
// Inner header of tpm/.
#pragma once

#include "tpm/tpm.hpp"

namespace dsmil::tpm {

// The owner's range of indices (TCG Registry of Reserved TPM 2.0 Handles).
inline constexpr TPM2_HANDLE first_owner_index = 0x01800000;
inline constexpr TPM2_HANDLE last_owner_index = 0x01BFFFFF;
inline constexpr std::size_t max_index_bytes = 2'048;

enum class NvKind : std::uint8_t {
    data,
    counter, // 8 bytes; begins above every counter that the TPM ever had
    extend,  // 32 bytes; each write hashes the old value with the new one, as a PCR
};

// A defined index. What it is shows in its Name, which changes with the first
// write: policies over it are computed after that.
class NvIndex {
  public:
    [[nodiscard]] ESYS_TR handle() const { return object_.handle(); }
    [[nodiscard]] const TPMS_NV_PUBLIC &public_area() const { return public_area_; }
    [[nodiscard]] bool written() const { return (public_area_.attributes & TPMA_NV_WRITTEN) != 0; }
    [[nodiscard]] Result<Bytes> name() const;

  private:
    friend Result<std::optional<NvIndex>> find_index(Tpm &tpm, TPM2_HANDLE index, ByteView secret);
    NvIndex(Object object, const TPMS_NV_PUBLIC &public_area)
        : object_(std::move(object)), public_area_(public_area) {}
    Object object_;
    TPMS_NV_PUBLIC public_area_;
};

// Nothing when it is not defined. `secret` authorises its use.
[[nodiscard]] Result<std::optional<NvIndex>> find_index(Tpm &tpm, TPM2_HANDLE index, ByteView secret);

// Owner's work. `size` counts for data only. exists when it is defined already.
// The owner may read it and may undefine it: who relies on it pins its Name.
[[nodiscard]] Result<void> define_index(Tpm &tpm, TPM2_HANDLE index, NvKind kind, std::size_t size,
                                        ByteView secret);
[[nodiscard]] Result<void> undefine_index(Tpm &tpm, TPM2_HANDLE index);

// usage when it is more than the index holds; not_found when it was never written.
[[nodiscard]] Result<void> write_index(Tpm &tpm, const NvIndex &index, ByteView data);
[[nodiscard]] Result<Bytes> read_index(Tpm &tpm, const NvIndex &index);
[[nodiscard]] Result<void> increment_index(Tpm &tpm, const NvIndex &index);
[[nodiscard]] Result<void> extend_index(Tpm &tpm, const NvIndex &index, ByteView data);

} // namespace dsmil::tpm
