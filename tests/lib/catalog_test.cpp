// SPDX-License-Identifier: Apache-2.0
#include "dsmil/catalog.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <set>
#include <string>

namespace {

using dsmil::catalog;
using dsmil::find_device;
using dsmil::find_register;
using dsmil::Register;
using dsmil::Risk;

TEST(Catalog, UnknownDevicesAreNotFound) {
    for (const auto *text :
         {"",       " ",       "108",     "999", "0x806C", "806C", "0x7FFF", "7fff", "0x",
          "0x80",   "0x08009", "0x8009 ", "-1",  "+9",     "9 ",   "1e1",    "Data", "Data  Destruction",
          "0xFFFF", "00009"}) {
        EXPECT_EQ(find_device(text), nullptr) << "'" << text << "'";
    }
}

TEST(Catalog, ADeviceIsFoundByIdNumberAndName) {
    for (const auto *text : {"0x8009", "0X8009", "8009", "9", "009", "Data Destruction", "data-destruction",
                             "DATA_DESTRUCTION"}) {
        const auto *device = find_device(text);
        ASSERT_NE(device, nullptr) << text;
        EXPECT_EQ(device->number, 9) << text;
    }
}

TEST(Catalog, EveryDeviceIsFoundByItsOwnName) {
    for (const auto &device : catalog()) {
        EXPECT_EQ(find_device(device.name), &device) << device.name;
    }
}

TEST(Catalog, IdsAndTokensFollowFromTheNumber) {
    for (std::size_t i = 0; i < catalog().size(); i++) {
        EXPECT_EQ(catalog()[i].number, i);
        EXPECT_EQ(catalog()[i].id, 0x8000 + i);
        EXPECT_EQ(catalog()[i].token_base, 0x8000 + 3 * i);
    }
}

TEST(Catalog, TheQuarantinedDevicesAreExactlyTheSevenOfTheDesign) {
    const std::set<unsigned> wanted = {0x8009, 0x800A, 0x800B, 0x8019, 0x801A, 0x801B, 0x8029};
    std::set<unsigned> found;
    for (const auto &device : catalog()) {
        if (device.risk == Risk::quarantined) {
            found.insert(device.id);
        }
    }
    EXPECT_EQ(found, wanted);
}

TEST(Catalog, TheRisksAreCountedAsTheDesignSays) {
    std::array<int, 5> counts{};
    for (const auto &device : catalog()) {
        counts.at(static_cast<std::size_t>(device.risk))++;
    }
    EXPECT_EQ(counts, (std::array<int, 5>{6, 91, 3, 1, 7}));
}

TEST(Catalog, UnknownRegistersAreNotFound) {
    for (const auto *text : {"", "3", "STAT", "STATUS ", "00", "-1", "value"}) {
        EXPECT_FALSE(find_register(text)) << "'" << text << "'";
    }
}

TEST(Catalog, RegistersAreFoundByNameInAnyCaseAndByNumber) {
    EXPECT_EQ(find_register("status"), Register::status);
    EXPECT_EQ(find_register("CONFIG"), Register::config);
    EXPECT_EQ(find_register("Data"), Register::data);
    EXPECT_EQ(find_register("2"), Register::data);
}

TEST(Catalog, ATokenIsDescribedByRegisterAndDevice) {
    EXPECT_EQ(dsmil::describe_token(0x801C), "token 0x801C (CONFIG of device 0x8009 Data Destruction)");
    EXPECT_EQ(dsmil::describe_token(0x8143), "token 0x8143 (DATA of device 0x806B Reserved 107)");
}

TEST(Catalog, ATokenOutsideTheRangeIsDescribedAsUnknown) {
    EXPECT_EQ(dsmil::describe_token(0x7FFF), "token 0x7FFF of unknown meaning");
    EXPECT_EQ(dsmil::describe_token(0x8144), "token 0x8144 of unknown meaning");
    EXPECT_EQ(dsmil::describe_token(0), "token 0x0000 of unknown meaning");
    EXPECT_EQ(dsmil::describe_id(0x806C), "0x806C");
}

} // namespace
